"""The MNIST comparison of "Assignment 2" (Vannucci), table 1, and what went wrong in it; draws ``mnist_vugrad.png``.

    python plots/mnist_vugrad.py [--data-dir data] [--run]

With ``--run`` it first trains what is missing (all: about ten minutes on two cores) and keeps a small history in
``plots/histories/``; without, it draws from what is kept there.

One hidden layer of 4 × 784, batches of 128 in the stored order, raw pixels from 0 to 255, the cross-entropy **summed**
over the batch, plain SGD, 10 epochs, the last 5,000 training images held out, Glorot weights: nets of nodes, driven by
the tape, trained by the same trainer and optimizer as modules, in float64 as there. (In float32 these saturated nets
multiply numbers so small that processors take a slow path for them, and need five times as long.) Beside them the ReLU
net as one would train it: the same code with the mean loss, pixels divided by 255, Kaiming's weights, shuffled batches
and Adam, its learning rate falling from 1e-3 in a straight line to 0.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import mlp_numpy.autodiff as vg
from mlp_numpy import SGD, Adam, FlatParameters, SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.arrays import stream
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.files import write_json
from mlp_numpy.modules import TapeModule
from mlp_numpy.training import EvaluationRecord, Trainer
from mlp_numpy.viz import save

HERE = Path(__file__).parent
KEPT = HERE / "histories" / "mnist_vugrad.json"
# Okabe and Ito's colors: told apart by color-blind eyes.
COLORS = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#009E73")
BATCH, EPOCHS, SEEDS, HELD_OUT = 128, 10, (0, 1, 2), 5000


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    name: str
    activation: str
    lr: float
    reported: float | None
    careful: bool = False

    @property
    def dtype(self) -> type:
        """The kind of number to train with."""
        return np.float32 if self.careful else np.float64


SETTINGS = (
    Setting("ReLU, lr 1e-4", "relu", 1e-4, 0.9564),
    Setting("sigmoid, lr 1e-4", "sigmoid", 1e-4, 0.9646),
    Setting("ReLU, lr 1e-3", "relu", 1e-3, 0.1058),
    Setting("sigmoid, lr 1e-3", "sigmoid", 1e-3, 0.9412),
    Setting("ReLU, mean loss, scaled pixels, Adam", "relu", 1e-3, None, careful=True),
)


class Net(vg.Module):
    """784 → 3136 → 10 with a sigmoid or a ReLU between."""

    def __init__(self, setting: Setting, seed: int) -> None:
        rng = stream(seed, "weights")
        self.layer1 = vg.Linear(784, 4 * 784, rng=rng, dtype=setting.dtype)
        self.layer2 = vg.Linear(4 * 784, 10, rng=rng, dtype=setting.dtype)
        self.activation = vg.relu if setting.activation == "relu" else vg.sigmoid
        if setting.careful:
            self.layer1.w.value = kaiming()(rng, (4 * 784, 784), input_layer=True).astype(np.float32, order="F")
            self.layer2.w.value = kaiming()(rng, (10, 4 * 784), input_layer=False).astype(np.float32, order="F")

    def forward(self, x: vg.TensorNode) -> vg.TensorNode:
        return self.layer2(self.activation(self.layer1(x)))


def train(setting: Setting, seed: int, train_part: Split, held_out: Split) -> Iterator[tuple[float, float]]:
    """(accuracy on the held-out part, share of hidden units that are 0 for every image) after every epoch."""
    net = Net(setting, seed)
    kind = "unit" if setting.careful else "raw"
    preprocessing = Preprocessing.fit(kind, train_part.images, (1, 28, 28), setting.dtype)
    model = TapeModule(net, input_layer=True)
    batches = Batches(train_part, BATCH, preprocessing, seed=seed, shuffle=setting.careful, dtype=setting.dtype)
    loss = SoftMaxCrossEntropyModule("mean" if setting.careful else "sum")
    optimizer = Adam(FlatParameters(net), setting.lr) if setting.careful else SGD(FlatParameters(net), setting.lr)
    trainer = Trainer(model, loss, optimizer, batches, held_out, eval_every=batches.steps_per_epoch)
    some = preprocessing.apply(held_out.images[:1000], setting.dtype)
    steps = EPOCHS * batches.steps_per_epoch
    for record in trainer.run(steps):
        if setting.careful:
            optimizer.lr = setting.lr * (1 - record.step / (steps + 1))
        if isinstance(record, EvaluationRecord):
            hidden = some @ net.layer1.w.value.T + net.layer1.b.value
            dead = float((hidden <= 0).all(axis=0).mean()) if setting.activation == "relu" else 0.0
            yield record.accuracy, dead


def run_all(data_dir: str) -> None:
    """Train every setting with every seed that is not kept yet, and keep what came of it."""
    full = load_dataset("mnist", data_dir, progress=True).dataset.train
    first, last = slice(None, -HELD_OUT), slice(-HELD_OUT, None)
    parts = Split(full.images[first], full.labels[first]), Split(full.images[last], full.labels[last])
    kept: dict[str, list[dict[str, list[float]]]] = {}
    if KEPT.exists():
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
    for setting in SETTINGS:
        for seed in SEEDS[len(kept.get(setting.name, [])) :]:
            rows: dict[str, list[float]] = {"accuracy": [], "dead": []}
            for accuracy, dead in train(setting, seed, *parts):
                rows["accuracy"].append(round(accuracy, 4))
                rows["dead"].append(round(dead, 4))
            kept.setdefault(setting.name, []).append(rows)
            print(f"{setting.name}, seed {seed}: {rows['accuracy'][-1]:.4f}, dead {rows['dead'][-1]:.2f}", flush=True)
            write_json(KEPT, kept)


def draw() -> None:
    """The table on the console, the curves as a picture."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for setting, color in zip(SETTINGS, COLORS, strict=True):
        accuracy = np.array([rows["accuracy"] for rows in kept[setting.name]])
        dead = np.array([rows["dead"] for rows in kept[setting.name]])
        epochs, mean = np.arange(accuracy.shape[1]), accuracy.mean(axis=0)
        left.plot(epochs, mean, color=color, label=setting.name, marker="o", markersize=3)
        left.fill_between(epochs, accuracy.min(axis=0), accuracy.max(axis=0), color=color, alpha=0.2)
        if setting.activation == "relu":
            right.plot(epochs, dead.mean(axis=0), color=color, label=setting.name, marker="o", markersize=3)
        reported = "" if setting.reported is None else f"reported {setting.reported:.4f}"
        seeds = ", ".join(f"{value:.4f}" for value in accuracy[:, -1])
        print(f"{setting.name:40} {reported:17} ours {mean[-1]:.4f} (seeds {seeds}), best {mean.max():.4f}")
    left.set_ylabel("held-out accuracy, mean and range of three seeds")
    right.set_ylabel("share of hidden units that are 0 for every image")
    right.set_ylim(-0.02, 1.02)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
    figure.suptitle("MNIST, 784-3136-10, summed loss on raw pixels against mean loss on scaled pixels")
    save(HERE / "mnist_vugrad.png", figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default="data", help="folder where MNIST is found or downloaded to")
    parser.add_argument("--run", action="store_true", help="train first")
    options = parser.parse_args()
    if options.run:
        run_all(options.data_dir)
    draw()
