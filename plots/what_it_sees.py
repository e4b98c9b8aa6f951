"""Draws what a trained network sees in images, from the folder of a run: ``class_images.png`` and, beside it, others.

    python plots/what_it_sees.py RUN [--data-dir data] [--out plots]

class_images   for each class, the image that gradient ascent finds from gray
saliency       the first test image of each class, and the pixels that its class's logit hangs on
first_layer    the weights of the first layer as images, of a convolution its kernels
mistakes       the test images that it gets wrong and is surest of
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from mlp_numpy.data.sources import load_dataset
from mlp_numpy.errors import MlpNumpyError
from mlp_numpy.interpret import maximize_class, saliency
from mlp_numpy.training import load_model
from mlp_numpy.viz import save_class_images, save_first_layer, save_misclassified, save_saliency

STEPS = 200


def main() -> None:
    """Load the model and its data set, look for what it sees, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    trained = load_model(options.run / "model.npz")
    model, preprocessing = trained.model, trained.preprocessing
    options.out.mkdir(parents=True, exist_ok=True)
    dataset = load_dataset(trained.about["dataset_option"], options.data_dir).dataset
    shape, names, test = dataset.image_shape, dataset.class_names, dataset.test
    classes = np.arange(len(names))

    found = maximize_class(model, preprocessing, shape, classes, steps=STEPS)
    title = f"The image that each class of {model.title} on {dataset.name} likes most"
    explained = f"the class's logit above each; {STEPS} steps of gradient ascent from gray, with decay, jitter and blur"
    save_class_images(
        options.out / "class_images.png", found.images, shape, names, found.after.diagonal(), title, explained
    )

    first = test.images[[int(np.flatnonzero(test.labels == each)[0]) for each in classes]]
    maps = saliency(model, preprocessing, shape, first, classes)
    save_saliency(options.out / "saliency.png", first, maps, names)
    weight = next(learned.value for name, learned in model.named_parameters() if name.endswith("weight"))
    seen = shape if weight.ndim == 2 else weight.shape[1:]
    save_first_layer(options.out / "first_layer.png", weight.reshape(len(weight), -1), seen)
    probabilities = model.forward(preprocessing.apply(test.images))
    save_misclassified(options.out / "mistakes.png", test.images, shape, test.labels, probabilities, names)
    print("logits from", np.round(found.before.diagonal(), 1), "to", np.round(found.after.diagonal(), 1))


if __name__ == "__main__":
    try:
        main()
    except (MlpNumpyError, OSError) as error:
        sys.exit(f"error: {error}")
