"""Spaces of settings: grids, draws, and files of them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from search_helpers import BASE, grid

from mlp_numpy.config import read_tree
from mlp_numpy.errors import DataError, ExtraMissingError, OptionError
from mlp_numpy.search import Range, Space, read_space


def test_a_grid_has_every_combination() -> None:
    points = grid().points()
    assert len(points) == 8
    assert {(p["lr"], p["weight_decay"], p["hidden"]) for p in points} == {
        (lr, decay, hidden) for lr in (0.1, 0.01) for decay in (0.0, 1e-4) for hidden in ((4,), ())
    }
    assert grid().config(points[0]).held_out == "validation"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        *((name, value, "what is measured") for name, value in (("held_out", "test"), ("validation", 50))),
        *((name, value, "what is measured") for name, value in (("split", "last"), ("dataset", "mnist"))),
        *((name, value, "no result") for name, value in (("data_dir", "a"), ("name", "b"), ("checkpoint_every", 1))),
    ],
)
def test_what_winners_are_chosen_by_is_the_same_in_all_trials(name: str, value: object, why: str) -> None:
    with pytest.raises(OptionError, match=f"{name} must be the same in all trials, since it changes {why}"):
        Space({}, {"lr": [0.1], name: [value]})


def test_no_more_is_drawn_than_there_is() -> None:
    axes = {"lr": [0.1, 0.2], "seed": [0, 1, 2]}
    points = Space({}, axes, trials=40).points()
    assert len({(point["lr"], point["seed"]) for point in points}) == len(points) == 6
    assert len(Space({}, axes | {"momentum": Range(0, 0.9, log=False)}, trials=40).points()) == 40


def test_random_draws_are_the_seeds_and_cover_their_ranges() -> None:
    axes = {"lr": Range(1e-5, 1e-1, log=True), "batch": Range(10, 50, log=False, whole=True), "hidden": [(8,), (9,)]}
    free = {name: value for name, value in BASE.items() if name != "batch"}
    points = Space(free, axes, trials=200).points()
    rates = np.array([point["lr"] for point in points])
    assert rates.min() >= 1e-5 and rates.max() <= 1e-1
    # even in the logarithm: a quarter in each of the four decades, within three standard deviations
    assert all(abs(np.sum((rates >= 10.0**k) & (rates < 10.0 ** (k + 1))) - 50) < 20 for k in range(-5, -1))
    assert {type(point["batch"]) for point in points} == {int}
    assert {point["hidden"] for point in points} == {(8,), (9,)}
    assert Space(free, axes, trials=40).points() == points[:40]
    assert Space(free, axes, trials=200, draws=1).points() != points


def test_a_file_of_a_search(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(
        "optimizer: sgd\nhidden: [512, 32]\nrandom:\n  lr: log 1e-4 1e-1\n  momentum: uniform 0 0.9\n"
        "  weight-decay: [0, 1e-3]\ntrials: 5\ndraws: 7\n"
    )
    found = read_space(path)
    assert found.base == {"optimizer": "sgd", "hidden": (512, 32)}
    axes = {"lr": Range(1e-4, 0.1, log=True), "momentum": Range(0, 0.9, log=False), "weight_decay": [0.0, 1e-3]}
    assert found == Space({"optimizer": "sgd", "hidden": (512, 32)}, axes, 5, 7)


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("lr: 0.1\n", DataError, "either 'grid:' or 'random:'"),
        ("grid: {lr: [0.1]}\nrandom: {lr: [0.1]}\n", DataError, "either 'grid:' or 'random:'"),
        ("random: {lr: log 1 2}\n", DataError, "how many trials"),
        ("random: {lr: log 1 2}\ntrials: x\n", DataError, "trials must be an integer"),
        ("random: {lr: 1 to 2}\ntrials: 3\n", DataError, "lr must be a list of values"),
        ("random: {optimizer: log 1 2}\ntrials: 3\n", DataError, "optimizer must be a list of values"),
        ("random: {lr: log 0 2}\ntrials: 3\n", OptionError, "0 < low < high"),
        ("grid: {lr: log 1 2}\n", OptionError, "must list its values in a grid"),
        ("grid: {lr: []}\n", OptionError, "lr must have values"),
        ("grid: {}\n", OptionError, "settings to vary"),
        ("lr: 1\ngrid: {lr: [2]}\n", OptionError, "lr must be the same in all trials or varied"),
        ("grid: {rate: [2]}\n", DataError, "unknown setting rate"),
        ("grid: {lr: [1]}\nlr: 1\nlr: 2\n", DataError, "must come once"),
        ("grid: {lr: [!!python/name:os.system ]}\n", DataError, "expected a plain value"),
        ("grid: {lr: [null]}\n", DataError, "expected a plain value.*got none"),
        ("grid:\n", DataError, "values or settings below the name, got none"),
        ("grid: {lr: 0.1}\n", DataError, "lr must be a list of values, got '0.1'"),
        ("grid: {hidden: [[[1]]]}\n", DataError, "hidden must be a list of integers"),
        ("grid: {lr: [1]}\nhidden: [[1]]\n", DataError, "hidden must be a list of integers"),
        ("grid: &a {lr: *a}\n", DataError, "found some without an end"),
        ("random: {lr: log 1 2}\ntrials: ²\n", DataError, "trials must be an integer"),
        ("random: {lr: log 1 2}\ntrials: 3\ndraws: 4294967296\n", OptionError, "draws must be an integer from 0"),
        ("random: {neg_slope: uniform -1.7e308 1.7e308}\ntrials: 3\n", OptionError, "high - low must be a finite"),
    ],
)
def test_what_is_no_search_is_refused(tmp_path: Path, text: str, kind: type[Exception], problem: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(kind, match=problem):
        read_space(path)


def test_names_and_texts_of_a_file_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("first-name: 007\nmore: {lr: 1e-3, on: [yes, [2, 3]]}\n")
    assert read_tree("test", path) == {"first_name": "007", "more": {"lr": "1e-3", "on": ["yes", ["2", "3"]]}}


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ExtraMissingError, match=r"scikit-learn must be installed.*mlp_numpy\[search\]"):
        grid().points()
