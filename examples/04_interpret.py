"""Ask a trained network what it looks for: the image that maximizes each class, and the pixels a logit depends on.

    python examples/04_interpret.py

A small MLP is trained on images of 8 × 8 pixels, whose upper half tells the class: class 0 is brighter on its left,
class 1 on its right. The lower half is noise. Prints the accuracy, above 0.95, the brightness of the upper left and
upper right quarter of the image that maximizes each class, and the fraction of the saliency that is in the upper half,
above 0.6. Writes no file.
"""

import numpy as np

from mlp_numpy import MLP, SGD, FlatParameters, SoftMaxCrossEntropyModule, normal
from mlp_numpy.data import Preprocessing
from mlp_numpy.interpret import maximize_class, saliency

SHAPE = (1, 8, 8)
rng = np.random.default_rng(0)
y = rng.integers(2, size=400)
pixels = rng.integers(0, 150, size=(400, 8, 8))
for image, label in zip(pixels, y, strict=True):
    image[:4, 4 * label : 4 * label + 4] += 100
images = pixels.reshape(400, 64).astype(np.uint8)
preprocessing = Preprocessing.fit("symmetric", images, SHAPE)

net = MLP(64, [16], 2, init=normal(0.01), rng=0, dtype=np.float32)
loss, optimizer = SoftMaxCrossEntropyModule(), SGD(FlatParameters(net), lr=0.1)
x = preprocessing.apply(images)
for _ in range(300):
    loss.forward(net.logits.forward(x), y)
    net.logits.backward(loss.backward())
    optimizer.step()
print(f"accuracy {np.mean(net.forward(x).argmax(axis=1) == y):.3f}")

found = maximize_class(net, preprocessing, SHAPE, [0, 1], steps=100)
for label, image in zip(found.classes, found.images.reshape(-1, 8, 8), strict=True):
    print(f"class {label}  logit {found.before[label, label]:.1f} → {found.after[label, label]:.1f}", end="")
    print(f"  brightness left {image[:4, :4].mean():.0f}, right {image[:4, 4:].mean():.0f}")

maps = saliency(net, preprocessing, SHAPE, images[:50], y[:50])
print(f"saliency in the upper half {maps[:, :4].sum() / maps.sum():.2f}")
