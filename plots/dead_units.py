"""Draws ``dead_units.png``: how the hidden units of the ReLU nets of "Assignment 2" (Vannucci), table 1, die.

    python plots/dead_units.py [--data-dir data] [--run]

With ``--run`` it first makes the first steps of the trainings of the recipes ``vannucci-mnist-relu-1e-4``, ``-1e-3``
and ``vannucci-mnist-better``, three seeds each, in some two minutes, and keeps what it saw in ``plots/histories/``;
without, it draws from what is kept there. A unit is dead that is 0 for each of 2,000 training images: a ReLU gives it
no gradient to come back by.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import write_json
from mlp_numpy.experiment import build_components
from mlp_numpy.recipes import Recipe, find_recipe
from mlp_numpy.recipes.tape_mlp import node_trainer
from mlp_numpy.training import Trainer
from mlp_numpy.viz import save_mean_std

HERE = Path(__file__).parent
KEPT = HERE / "histories" / "dead_units.json"
NAMES = {
    "vannucci-mnist-relu-1e-4": "summed loss, pixels 0 to 255, lr 1e-4",
    "vannucci-mnist-relu-1e-3": "summed loss, pixels 0 to 255, lr 1e-3",
    "vannucci-mnist-better": "mean loss, pixels 0 to 1, Adam",
}
SEEDS, STEPS, IMAGES = (0, 1, 2), 60, 2000


def trainer_of(recipe: Recipe, seed: int, data_dir: str) -> Trainer:
    """The training of a recipe, at its beginning."""
    if recipe.kind == "nodes":
        return node_trainer(recipe.nodes(), seed, data_dir, download=True)
    return build_components(recipe.config(seed, data_dir=data_dir)).trainer


def dead(trainer: Trainer) -> float:
    """The share of hidden units that are 0 for every image."""
    batches = trainer.batches
    x: Array = batches.preprocessing.apply(batches.split.images[:IMAGES])
    weight, bias, *_ = (learned.value for _, learned in trainer.model.named_parameters())
    return float((x @ weight.T + bias <= 0).all(axis=0).mean())


def first_steps(trainer: Trainer) -> Iterator[float]:
    """The share of dead units at the start and after each step."""
    yield dead(trainer)
    for _ in range(STEPS):
        trainer.advance()
        yield dead(trainer)


def main() -> None:
    """Train if asked to, draw, and print the shares at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default="data", help="folder where MNIST is found or downloaded to")
    parser.add_argument("--run", action="store_true", help="train first")
    options = parser.parse_args()
    if options.run:
        found = {
            recipe.name: [
                [round(share, 4) for share in first_steps(trainer_of(recipe, seed, options.data_dir))] for seed in SEEDS
            ]
            for recipe in find_recipe(list(NAMES))
        }
        write_json(KEPT, found)
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    curves = {name: (range(STEPS + 1), np.array(kept[recipe])) for recipe, name in NAMES.items()}
    title = "Hidden units that are 0 for every image, in the first steps of three ReLU nets on MNIST"
    save_mean_std(HERE / "dead_units.png", curves, title, y_name="share of 3136 hidden units", limits=(-0.02, 1.02))
    for name, (_, shares) in curves.items():
        print(f"{name:40} {' '.join(f'{share:.3f}' for share in shares[:, -1])}")


if __name__ == "__main__":
    main()
