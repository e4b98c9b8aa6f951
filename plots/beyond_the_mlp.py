"""Batch norm and the convolution net of "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), figures 5 and 7.

    python plots/beyond_the_mlp.py [--data-dir data] [--run NAME ...]

With ``--run batch-norm`` or ``--run conv-net`` it trains that network first and keeps a small history in
``plots/histories/``; without, it draws ``batch_norm.png`` and ``conv_net.png`` from what is kept there.

batch-norm   3072-600-500-388-275-163-10 with batch norm before the hidden Linears, Adam, lr 2e-3, batch 200, 1500
             steps, Kaiming's weights, standardized pixels; about a minute
conv-net     the net of figure 6, Adam, batch 32, five half epochs (3905 steps), the learning rate falling from 1e-3
             in a straight line to 0, standardized pixels; about twenty minutes
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlp_numpy import MLP, Adam, ConvNet, FlatParameters, SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.models import Classifier
from mlp_numpy.training import EvaluationRecord, History, Trainer
from mlp_numpy.viz import save_curves

HERE = Path(__file__).parent
HIDDEN = [600, 500, 388, 275, 163]


@dataclass(frozen=True)
class Experiment:
    """What is trained how."""

    title: str
    make: Callable[[int], Classifier]
    lr: float
    falls: bool
    batch: int
    steps: int
    eval_every: int


def _mlp(seed: int) -> Classifier:
    start = {"init": kaiming(0.02), "rng": seed, "dtype": np.float32}
    return MLP(3072, HIDDEN, 10, 0.02, batch_norm=True, input_layer=True, **start)


def _conv_net(seed: int) -> Classifier:
    return ConvNet(rng=seed, dtype=np.float32, input_layer=True)


EXPERIMENTS = {
    "batch-norm": Experiment("MLP with batch norm, Adam, lr 2e-3, batch 200", _mlp, 2e-3, False, 200, 1500, 100),
    "conv-net": Experiment("Convolution net of figure 6, Adam, batch 32", _conv_net, 1e-3, True, 32, 3905, 781),
}


def train(name: str, data_dir: str, seed: int = 0) -> None:
    """Train one network and keep its history; every tenth step of it, to stay small."""
    experiment = EXPERIMENTS[name]
    dataset = load_dataset("cifar10", data_dir).dataset
    preprocessing = Preprocessing.fit("standardize", dataset.train.images, dataset.image_shape)
    model = experiment.make(seed)
    optimizer = Adam(FlatParameters(model), experiment.lr)
    batches = Batches(dataset.train, experiment.batch, preprocessing, seed=seed)
    loss, every = SoftMaxCrossEntropyModule(), experiment.eval_every
    trainer = Trainer(model.logits, loss, optimizer, batches, dataset.test, eval_every=every, eval_chunk=250)
    history = History({"model": repr(model), "dataset": dataset.name, "optimizer": repr(optimizer), "seed": seed})
    began = time.perf_counter()
    for record in trainer.run(experiment.steps):
        if experiment.falls:
            optimizer.lr = experiment.lr * (1 - record.step / (experiment.steps + 1))
        if isinstance(record, EvaluationRecord) or record.step % 10 == 0:
            history.add(record)
        if isinstance(record, EvaluationRecord):
            print(f"{name}: step {record.step}, test accuracy {record.accuracy:.4f}", flush=True)
            history.about["seconds"] = round(time.perf_counter() - began, 1)
            history.write(_kept(name))


def _kept(name: str) -> Path:
    return HERE / "histories" / f"{name.replace('-', '_')}.json"


def main() -> None:
    """Train what was asked for, and draw all that is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default="data", help="folder where CIFAR-10 is found or downloaded to")
    parser.add_argument("--run", nargs="*", default=[], choices=list(EXPERIMENTS), help="what to train first")
    options = parser.parse_args()
    for name in options.run:
        train(name, options.data_dir)
    for name, experiment in EXPERIMENTS.items():
        if _kept(name).exists():
            title = f"{experiment.title}, on CIFAR-10 (images re-encoded as JPEG); every tenth batch shown"
            save_curves(HERE / f"{name.replace('-', '_')}.png", History.read(_kept(name)), title, width=10)


if __name__ == "__main__":
    main()
