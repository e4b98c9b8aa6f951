"""The commands that verify and explain: ``gradcheck``, ``audit``, ``parity``, ``crash-test`` and ``explain``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from mlp_numpy.atomic_io import write_json
from mlp_numpy.checking import AuditReport, SelfTest, audit_lines, audit_own, pytorch, self_test
from mlp_numpy.checking.crash.crash_test import crash_test
from mlp_numpy.checking.parity import PARITY_NETS, Parity, parity_table, train_side_by_side
from mlp_numpy.cli.console import FAILED, on_terminal
from mlp_numpy.errors import ExtraMissingError, OptionError
from mlp_numpy.explain import derivation, explain_formula
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.models import MLP
from mlp_numpy.modules import SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.numeric_diff import Method
from mlp_numpy.viz import save_parity


def check_gradients(
    hidden: tuple[int, ...] = (20, 10),
    inputs: int = 30,
    classes: int = 10,
    batch: int = 8,
    neg_slope: float = 0.02,
    method: Method = "complex",
    seed: int = 0,
) -> int:
    """Compare every gradient of an MLP, from the loss down to its input, with numeric derivatives.

    Args:
        hidden: sizes of the hidden layers
        inputs: input features
        classes: number of classes
        batch: examples in the batch
        neg_slope: slope of the LeakyReLU below 0
        method: complex step (error about 1e-16) or central difference (about 1e-10)
        seed: seed of the weights, inputs and labels
    """
    if seed < 0 or batch < 1:
        raise OptionError(f"gradcheck: seed must be ≥ 0 and batch ≥ 1, got {seed} and {batch}.")
    if classes < 2:
        raise OptionError(f"gradcheck: classes must be ≥ 2, got {classes}: with one class every gradient is 0.")
    rng = np.random.default_rng(seed)
    model = MLP(inputs, hidden, classes, neg_slope, init=kaiming(neg_slope), rng=rng)
    x, y = rng.normal(size=(batch, inputs)), rng.integers(classes, size=batch)
    report = gradcheck(model.logits, x, y, loss=SoftMaxCrossEntropyModule(), method=method)
    print(report)
    return 0 if report.verdict == "fine" else FAILED


def audit_command(
    subject: Annotated[str | None, tyro.conf.Positional] = None,
    cases: int | None = None,
    seed: int = 0,
    shape: Annotated[str | None, tyro.conf.arg(name="input")] = None,
    self_check: Annotated[bool, tyro.conf.arg(name="self-test"), tyro.conf.FlagCreatePairsOff] = False,
    seeds: int = 1,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> int:
    """Check every gradient of the library, or of your own module, against independent references.

    PyTorch is one of them if it is installed.

    Args:
        subject: your module, as package.module:Class or 'package.module:Class(4, 3)'; default: the library
        cases: random cases (shapes and values) per line of the table; default: 40, or 12 for the self-test
        seed: seed of the random cases
        shape: input shape of your module, such as 4,3; default: the first that it accepts
        self_check: test the audit itself: every mutant (a wrong version of a formula) must be caught
        seeds: number of seeds for which the self-test also audits the correct formulas, without any alarm
        json_file: JSON file for the findings
    """
    if self_check and subject is not None:
        raise OptionError(f"audit: --self-test must stand alone, got {subject!r} with it.")
    if shape is not None and subject is None:
        raise OptionError(f"audit: --input must come with a module to audit, got {shape!r} without one.")
    report: AuditReport | SelfTest
    if self_check:
        report = self_test(12 if cases is None else cases, seeds, seed)
    elif subject is not None:
        report = AuditReport(seed, audit_own(subject, _sizes(shape), 40 if cases is None else cases, seed))
    else:
        report = _audit_of_the_library(40 if cases is None else cases, seed)
    print(report)
    if json_file is not None:
        write_json(json_file, report.as_json())
    return FAILED if report.failures else 0


def _audit_of_the_library(cases: int, seed: int) -> AuditReport:
    try:
        torch = pytorch("audit")
    except ExtraMissingError as error:
        torch = None
        print(f"Without PyTorch: {error}\n", file=sys.stderr, flush=True)
    report = AuditReport(seed)
    with tqdm(disable=not on_terminal(), unit="line", leave=False) as bar:
        for line in audit_lines(cases, seed, torch):
            report.lines.append(line)
            bar.update()
    return report


def parity(
    steps: int = 1000,
    batch: int = 32,
    seed: int = 0,
    shards: int = 1,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    picture: Path | None = None,
) -> int:
    """Train the same nets here and in PyTorch, from the same weights on the same batches, and compare every step.

    Args:
        steps: steps per net
        batch: examples in a batch
        seed: seed of the weights and batches
        shards: parts of each batch that are computed side by side here
        json_file: JSON file for the differences
        picture: PNG file for a figure of the differences
    """
    torch = pytorch("parity")
    found: list[Parity] = []
    with tqdm(total=steps * len(PARITY_NETS), disable=not on_terminal(), unit="step", leave=False) as bar:
        for net in PARITY_NETS:
            for step, latest in train_side_by_side(torch, net, steps, batch, seed, shards):
                if step == 1:
                    found.append(latest)
                bar.update()
    print(parity_table(found))
    if json_file is not None:
        write_json(json_file, {"torch": torch.__version__, "seed": seed, "nets": [net.as_json() for net in found]})
    if picture is not None:
        losses = {net.name: net.loss_differences for net in found}
        weights = {net.name: net.weight_differences for net in found}
        save_parity(picture, losses, weights, max(net.bound for net in found))
        print(f"figure  {picture}")
    return 0 if all(net.holds for net in found) else FAILED


def crash(
    kills: int = 20,
    seed: int = 0,
    steps: int | None = None,
    shards: int = 1,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> int:
    """Kill a training repeatedly, resume it each time, and compare the result bit for bit with an uninterrupted one.

    Args:
        kills: number of kills
        seed: seed of the training and of the times of the kills
        steps: steps of the training; by default as many as the kills need
        shards: parts of each batch that are computed side by side
        json_file: JSON file for the findings
    """
    with tqdm(total=kills, disable=not on_terminal(), unit="kill", leave=False) as bar:
        for report in crash_test(kills, seed, steps, shards):
            bar.update(len(report.kills) - bar.n)
    print(report)
    if json_file is not None:
        write_json(json_file, report.as_json())
    return FAILED if report.failures else 0


def _sizes(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    sizes = tuple(int(word) if word.strip().isdigit() else 0 for word in text.split(","))
    if 0 in sizes:
        raise OptionError(f"audit: --input must be sizes ≥ 1 such as 4,3, got {text!r}.")
    return sizes


def explain_command(
    formula: Annotated[str, tyro.conf.Positional],
    latex: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
) -> int:
    """Print a formula's equations, their derivation, its sums index by index, and a worked example.

    Args:
        formula: name of a formula, such as Linear
        latex: print the derivation alone, as LaTeX for amsmath, MathJax or KaTeX
    """
    print(derivation(formula).latex if latex else explain_formula(formula))
    return 0
