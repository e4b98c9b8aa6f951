"""What PyTorch reaches in the training of a recipe: same images, batches, network and optimizer, its own start.

    python benchmarks/accuracies.py RECIPE [lr=1e-3 …] [--seed 0] [--data-dir data] [--results plots/results]
                                    [--json FILE]

For recipes of plain MLPs and of the small convolution net with a constant learning rate; others are refused. Of a
grid, the point that is given. Where a figure of a source is not met, this tells whether it is so because of the
library or because of the images. What is kept in the folder of the results stands in the report beside them. One
thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from interleaved import results_of, write_json

from mlp_numpy.config import Config, parse_settings
from mlp_numpy.errors import MlpNumpyError, OptionError
from mlp_numpy.experiment import build_components
from mlp_numpy.recipes import RecipeResult, Results, find_recipe
from mlp_numpy.recipes.report import PYTORCH
from mlp_numpy.recipes.results import DIGITS
from mlp_numpy.training import EvaluationRecord, Trainer
from mlp_numpy.training.records import as_columns

CHUNK = 500
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adagrad": "Adagrad", "rmsprop": "RMSprop"}
# What is done here as the recipe says, or has its counterpart: the start of the weights is PyTorch's.
REPEATED = {"dataset", "held_out", "validation", "split", "preprocessing", "batch", "steps", "eval_every", "init"} | {
    *("model", "hidden", "neg_slope", "optimizer", "lr", "weight_decay", "momentum", "nesterov"),
}


def config_of(name: str, changes: list[str], seed: int, data_dir: str) -> Config:
    """The settings of a recipe, of a grid those that all its points share, with ``changes``, texts ``name=value``.

    Raises OptionError for what is not one recipe, or one with settings that are not repeated here.
    """
    recipes = find_recipe([name])
    if len(recipes) > 1 or recipes[0].kind not in ("run", "search"):
        names = " or ".join(recipe.name for recipe in recipes)
        raise OptionError(f"accuracies: there must be one recipe of a run or a grid, got {names}.")
    settings = {key: value for key, value in recipes[0].settings.items() if key not in ("grid", "random", "trials")}
    if not all("=" in change for change in changes):
        raise OptionError(f"accuracies: changes must be name=value, got {' '.join(changes)}.")
    settings |= dict(change.split("=", 1) for change in changes)
    config = Config(**parse_settings(name, settings) | {"seed": seed, "data_dir": data_dir, "download": False})
    beyond = sorted(settings.keys() - REPEATED)
    if beyond or config.model not in ("mlp", "small-conv-net") or config.optimizer not in OPTIMIZERS:
        known = ", ".join(sorted(REPEATED))
        raise OptionError(f"accuracies: {name} must have no settings but {known}, got {beyond or config}.")
    return config


def network(config: Config, n_inputs: int, n_classes: int) -> Any:
    """The network of ``config`` in PyTorch, with PyTorch's start."""
    nn = torch.nn
    if config.model == "small-conv-net":
        images = nn.Unflatten(1, (3, 32, 32))
        convolutions = (nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
        layers = (nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, n_classes))
        return nn.Sequential(images, *convolutions, nn.Flatten(), *layers)
    sizes = [n_inputs, *config.hidden]
    hidden = [(nn.Linear(n, m), nn.LeakyReLU(config.neg_slope)) for n, m in zip(sizes[:-1], sizes[1:], strict=True)]
    return nn.Sequential(*(layer for pair in hidden for layer in pair), nn.Linear(sizes[-1], n_classes))


def optimizer(config: Config, parameters: Any) -> Any:
    """The optimizer of ``config``, of those that the sources name."""
    options: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=config.momentum, nesterov=config.nesterov, **options)
    return getattr(torch.optim, OPTIMIZERS[config.optimizer])(parameters, **options)


def evaluations(config: Config, trainer: Trainer, net: Any) -> Iterator[EvaluationRecord]:
    """Train; what is held out, at every evaluation of the training."""
    updates, held_out = optimizer(config, net.parameters()), trainer.held_out
    cross_entropy = torch.nn.functional.cross_entropy
    for step in range(config.steps + 1):
        if step % config.eval_every == 0 or step == config.steps:
            right = loss = 0.0
            for start in range(0, len(held_out), CHUNK):
                rows = slice(start, start + CHUNK)
                chunk = trainer.batches.preprocessing.apply(held_out.images[rows])
                labels = torch.from_numpy(np.int64(held_out.labels[rows]))
                with torch.no_grad():
                    scores = net(torch.from_numpy(chunk))
                    loss += float(cross_entropy(scores, labels, reduction="sum"))
                    right += float((scores.argmax(1) == labels).sum())
            yield EvaluationRecord(step, loss / len(held_out), right / len(held_out))
        if step < config.steps:
            x, y = trainer.batches.at(step)
            updates.zero_grad()
            cross_entropy(net(torch.from_numpy(x)), torch.from_numpy(np.int64(y))).backward()
            updates.step()


def main() -> None:
    """Train, tell the best accuracy and the last one, and keep the result of a recipe for the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("changes", nargs="*", metavar="name=value")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--results", type=Path, help="keep it beside the results of recipes in this folder")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    given = parser.parse_args()
    try:
        config = config_of(given.recipe, given.changes, given.seed, given.data_dir)
        if given.changes and given.results:
            raise OptionError(f"accuracies: --results takes recipes as they are, got {' '.join(given.changes)}.")
    except MlpNumpyError as error:
        sys.exit(f"error: {error}")
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    began = time.perf_counter()
    parts = build_components(config)
    net = network(config, parts.dataset.n_features, parts.dataset.n_classes)
    found = as_columns(EvaluationRecord, list(evaluations(config, parts.trainer, net)), DIGITS)
    best, last = max(found["accuracy"]), found["accuracy"][-1]
    print(f"{given.recipe} {' '.join(given.changes)} in PyTorch: best {best:.4f}, last {last:.4f}")
    seconds = round(time.perf_counter() - began, 1)
    figures = {"recipe": given.recipe, "changes": given.changes, "seed": given.seed, "threads": 1, "seconds": seconds}
    write_json(given.json, __file__, [figures | {"best accuracy": best, "last accuracy": last}])
    if given.results:
        (recipe,) = find_recipe([given.recipe])
        about = {"status": "finished", "dataset": parts.dataset.name, "torch": torch.__version__}
        result = RecipeResult(recipe.name, given.seed, recipe.settings, about, seconds, config.held_out, found, {})
        Results(given.results / PYTORCH).write(recipe, result)


if __name__ == "__main__":
    main()
