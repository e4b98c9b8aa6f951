"""The command line: ``train``, ``evaluate``, ``predict``, ``audit`` and others. The one room that prints."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import tyro
from tqdm import tqdm

from mlp_numpy.audit import AuditReport, SelfTest, audit_lines, audit_own, pytorch, self_test
from mlp_numpy.config import Config, as_options
from mlp_numpy.data.images import read_image
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.errors import (
    DataError,
    ExtraMissingError,
    MlpNumpyError,
    NonFiniteError,
    OptionError,
    did_you_mean,
)
from mlp_numpy.experiment import Run, load_run
from mlp_numpy.files import write_json
from mlp_numpy.gradcheck import Method, gradcheck
from mlp_numpy.lesson import lesson
from mlp_numpy.models import MLP
from mlp_numpy.modules import SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.parity import NETS, Parity, table, train_side_by_side
from mlp_numpy.texts import confusion_table, evaluation_line, summary
from mlp_numpy.training import StepRecord, confusion_matrix, evaluate
from mlp_numpy.viz import save_confusion, save_parity

_FAILED, _MISUSED, _DIVERGED, _INTERRUPTED = 1, 2, 3, 130
_PROGRAM = "python -m mlp_numpy "


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that ``words`` (or the program's arguments) name.

    Returns the exit status: 0, 1 for an error, 2 for a command that does not exist, 3 for a training that diverged,
    128 + the signal's number for one that was asked to stop (130: Ctrl-C); a mistyped option ends the program with 2.
    """
    name, *options = (sys.argv[1:] if words is None else words) or [""]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if not name:
        print(_usage(), file=sys.stderr)
        return _MISUSED
    if name not in _COMMANDS:
        _complain(f"there is no command {name!r}.{did_you_mean(name, _COMMANDS)} Known: {', '.join(_COMMANDS)}.")
        return _MISUSED
    try:
        return _COMMANDS[name](options)
    except NonFiniteError as error:
        _complain(str(error))
        return _DIVERGED
    except MlpNumpyError as error:
        _complain(str(error))
        return _FAILED
    except KeyboardInterrupt:
        _complain("interrupted")
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone, as `| head` does; what Python still holds must not be tried again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except (OSError, MemoryError) as error:
        _complain(f"{type(error).__name__}: {error}")
        return _FAILED


def train(options: Sequence[str]) -> int:
    """Train an MLP and leave a run folder and a picture of its curves.

    Options may also come from a file, one "name: value" a line: --config FILE.yaml. Those on the command line
    override it.
    """
    description = inspect.cleandoc(train.__doc__ or "")
    settings = tyro.cli(Config, prog=_PROGRAM + "train", description=description, args=with_config_file(options))
    with Run(settings, progress=_on_terminal()) as run:
        try:
            _follow(run)
        except NonFiniteError:
            print(f"run     {run.folder}\npicture {run.picture}", flush=True)
            raise
    if run.result is None:
        return _FAILED
    print(f"{summary(run.result.history)}\nrun     {run.folder}\npicture {run.picture}")
    return 128 + run.stopped_by if run.stopped_by is not None else 0


def _follow(run: Run) -> None:
    """Tell what is trained on what, and follow it to its end: with a bar where someone looks on, else with lines."""
    if run.warning is not None:
        _banner(run.warning)
    settings, how = run.config, run.trainer.optimizer
    train_part, test_part = run.dataset.train, run.dataset.test
    print(f"data    {run.dataset.name}, {len(train_part):,} + {len(test_part):,} images, from {run.dataset.source}")
    print(f"model   {run.model!r}, {len(run.parameters):,} parameters")
    print(f"train   {how!r}, batch {settings.batch}, {settings.steps} steps, seed {settings.seed}", flush=True)
    with tqdm(total=settings.steps, unit="step", disable=not _on_terminal(), dynamic_ncols=True) as bar:
        latest: StepRecord | None = None
        for record in run.records():
            if isinstance(record, StepRecord):
                latest = record
                bar.update()
            else:
                bar.set_postfix_str(f"test accuracy {record.accuracy:.3f}")
                if bar.disable:
                    print(evaluation_line(record, latest), flush=True)


def evaluate_run(
    run: Annotated[Path, tyro.conf.Positional],
    data_dir: str = "",
    download: bool = True,
) -> int:
    """Accuracy and confusion matrix of a run's model on the whole test set.

    Args:
        run: folder of a run, such as runs/run-cifar10-001
        data_dir: folder where data sets are found; by default the run's own
        download: whether data may be fetched from the network
    """
    config, trained = load_run(run)
    folder = data_dir or config.data_dir
    option = trained.about["dataset_option"]
    dataset = load_dataset(option, folder, download=download, progress=_on_terminal()).dataset
    if (dataset.n_features, *dataset.class_names) != (trained.model.sizes[0], *trained.about["class_names"]):
        raise DataError(
            f"evaluate: the data set must have the pixels and classes that {run} was trained on, "
            f"{trained.model.sizes[0]} and {trained.about['class_names']}, got {dataset.name} with "
            f"{dataset.n_features} and {list(dataset.class_names)}."
        )
    outcome = evaluate(trained.model.logits, SoftMaxCrossEntropyModule(), dataset.test, trained.preprocessing)
    counts = confusion_matrix(dataset.test.labels, outcome.predicted, dataset.n_classes)
    name = str(trained.about["name"])
    print(f"{name}: {trained.model.sizes_text} after step {trained.about['step']} on {dataset.name}")
    print(f"test accuracy {outcome.accuracy:.4f}, loss {outcome.loss:.4f}, {len(dataset.test):,} images\n")
    print(confusion_table(counts, dataset.class_names))
    picture = run / "confusion.png"
    title = f"{trained.model.sizes_text} on {dataset.name}: test accuracy {outcome.accuracy:.3f}"
    save_confusion(picture, counts, dataset.class_names, title)
    print(f"\npicture {picture}")
    return 0


def predict(
    run: Annotated[Path, tyro.conf.Positional],
    images: Annotated[tuple[Path, ...], tyro.conf.Positional],
    top: int = 3,
) -> int:
    """Name the class of image files, with the probabilities that a run's model gives.

    Args:
        run: folder of a run, such as runs/run-cifar10-001
        images: image files of any size and kind; they are scaled to the size that the model knows
        top: how many classes to name for each
    """
    if top < 1:
        raise OptionError(f"predict: top must be ≥ 1, got {top}.")
    if not images:
        raise OptionError("predict: there must be at least one image file, got none.")
    _, trained = load_run(run)
    names = trained.about["class_names"]
    shape = tuple(trained.about["image_shape"])
    pixels = np.stack([read_image(path, shape) for path in images])
    dtype = next(array.dtype for array in trained.model.state().values())
    probabilities = trained.model.forward(trained.preprocessing.apply(pixels, dtype))
    width = max(len(str(path)) for path in images)
    for path, row in zip(images, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        print(f"{path!s:<{width}}  " + "  ".join(f"{names[i]} {row[i]:.3f}" for i in best))
    return 0


def check_gradients(
    hidden: tuple[int, ...] = (20, 10),
    inputs: int = 30,
    classes: int = 10,
    batch: int = 8,
    neg_slope: float = 0.02,
    method: Method = "complex",
    seed: int = 0,
) -> int:
    """Hold every gradient of an MLP, from the loss down to its input, against a numeric derivative.

    Args:
        hidden: sizes of the hidden layers
        inputs: numbers in an input
        classes: number of classes
        batch: examples in the batch
        neg_slope: slope of the LeakyReLU below 0
        method: complex step (error about 1e-16) or central difference (about 1e-10)
        seed: whole number that decides weights, inputs and labels
    """
    if seed < 0 or batch < 1:
        raise OptionError(f"gradcheck: seed must be ≥ 0 and batch ≥ 1, got {seed} and {batch}.")
    if classes < 2:
        raise OptionError(f"gradcheck: classes must be ≥ 2, got {classes}: of one class every gradient is 0.")
    rng = np.random.default_rng(seed)
    model = MLP(inputs, hidden, classes, neg_slope, init=kaiming(neg_slope), rng=rng)
    x, y = rng.normal(size=(batch, inputs)), rng.integers(classes, size=batch)
    report = gradcheck(model.logits, x, y, loss=SoftMaxCrossEntropyModule(), method=method)
    print(report)
    return 0 if report.verdict == "fine" else _FAILED


def audit(
    subject: Annotated[str | None, tyro.conf.Positional] = None,
    cases: int | None = None,
    seed: int = 0,
    shape: Annotated[str | None, tyro.conf.arg(name="input")] = None,
    self_check: Annotated[bool, tyro.conf.arg(name="self-test"), tyro.conf.FlagCreatePairsOff] = False,
    seeds: int = 20,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> int:
    """Hold every gradient of the library, or of a module of one's own, against everything there is.

    PyTorch, where it is installed, included.

    Args:
        subject: a module of one's own, as package.module:Class or 'package.module:Class(4, 3)'
        cases: random shapes and numbers for each line of the table; 40, or 12 for the self-test
        seed: whole number that decides them
        shape: shape of the batch that a module of one's own takes, such as 4,3; found by trying if left out
        self_check: plant wrong gradients instead, all of which must be caught
        seeds: how many seeds of right gradients the self-test judges besides, none of which may raise an alarm
        json_file: file to write the findings to
    """
    report: AuditReport | SelfTest
    if self_check:
        report = self_test(12 if cases is None else cases, seeds, seed)
    elif subject is not None:
        report = AuditReport(seed, [audit_own(subject, _sizes(shape), 40 if cases is None else cases, seed)])
    else:
        report = _audit_of_the_library(40 if cases is None else cases, seed)
    print(report)
    if json_file is not None:
        write_json(json_file, report.as_json())
    return _FAILED if report.failures else 0


def _audit_of_the_library(cases: int, seed: int) -> AuditReport:
    try:
        torch = pytorch("audit")
    except ExtraMissingError as error:
        torch = None
        print(f"Without PyTorch: {error}\n", file=sys.stderr, flush=True)
    report = AuditReport(seed)
    with tqdm(disable=not _on_terminal(), unit="line", leave=False) as bar:
        for line in audit_lines(cases, seed, torch):
            report.lines.append(line)
            bar.update()
    return report


def parity(
    steps: int = 1000,
    batch: int = 32,
    seed: int = 0,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    picture: Path | None = None,
) -> int:
    """Train the same nets here and in PyTorch, from the same weights on the same batches, and compare every step.

    Args:
        steps: steps of each training
        batch: rows in a batch
        seed: whole number that decides weights and batches
        json_file: file to write the differences to
        picture: PNG file to draw them into
    """
    torch = pytorch("parity")
    found: list[Parity] = []
    with tqdm(total=steps * len(NETS), disable=not _on_terminal(), unit="step", leave=False) as bar:
        for net in NETS:
            for step, latest in train_side_by_side(torch, net, steps, batch, seed):
                if step == 1:
                    found.append(latest)
                bar.update()
    print(table(found))
    if json_file is not None:
        write_json(json_file, {"torch": torch.__version__, "seed": seed, "nets": [net.as_json() for net in found]})
    if picture is not None:
        losses = {net.name: net.loss_differences for net in found}
        weights = {net.name: net.weight_differences for net in found}
        save_parity(picture, losses, weights, max(net.bound for net in found))
        print(f"picture {picture}")
    return 0 if all(net.holds for net in found) else _FAILED


def _sizes(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    sizes = tuple(int(word) if word.strip().isdigit() else 0 for word in text.split(","))
    if 0 in sizes:
        raise OptionError(f"audit: --input must be sizes ≥ 1 such as 4,3, got {text!r}.")
    return sizes


def explain(formula: Annotated[str, tyro.conf.Positional]) -> int:
    """Print a formula's equations, its sums index by index, and both at work on an example.

    Args:
        formula: name of a formula, such as Linear
    """
    print(lesson(formula))
    return 0


def with_config_file(options: Sequence[str]) -> list[str]:
    """The options of a command line, those of a ``--config`` file put before the others, which so override them."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--config", type=Path, action="append", default=[])
    try:
        found, others = finder.parse_known_args(options)
    except argparse.ArgumentError as error:
        raise OptionError("--config: must be followed by the name of a YAML file, got none.") from error
    return [word for path in found.config for word in as_options(path)] + others


def _usage() -> str:
    commands = {"train": train, "evaluate": evaluate_run, "predict": predict, "gradcheck": check_gradients}
    commands |= {"audit": audit, "parity": parity, "explain": explain}
    lines = [f"  {name:<10} {(command.__doc__ or '').splitlines()[0]}" for name, command in commands.items()]
    return "\n".join(
        [
            f"usage: {_PROGRAM}COMMAND [OPTION ...]",
            "",
            *lines,
            "",
            f"{_PROGRAM}COMMAND --help lists the options of a command; `python train.py` is the command train.",
        ]
    )


def _on_terminal() -> bool:
    # Without a standard error at all, as under some services, Python has none to ask.
    return sys.stderr is not None and sys.stderr.isatty()


def _banner(text: str) -> None:
    line = "!" * 100
    print(f"{line}\n{text}\n{line}", file=sys.stderr, flush=True)


def _complain(text: str) -> None:
    print(f"error: {text}", file=sys.stderr, flush=True)


_COMMANDS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "train": train,
    "evaluate": lambda options: int(tyro.cli(evaluate_run, prog=_PROGRAM + "evaluate", args=options)),
    "predict": lambda options: int(tyro.cli(predict, prog=_PROGRAM + "predict", args=options)),
    "gradcheck": lambda options: int(tyro.cli(check_gradients, prog=_PROGRAM + "gradcheck", args=options)),
    "audit": lambda options: int(tyro.cli(audit, prog=_PROGRAM + "audit", args=options)),
    "parity": lambda options: int(tyro.cli(parity, prog=_PROGRAM + "parity", args=options)),
    "explain": lambda options: int(tyro.cli(explain, prog=_PROGRAM + "explain", args=options)),
}
