"""The report of a run says what its folder holds, whatever its end, changes nothing in it, and is one valid file."""

from __future__ import annotations

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_helpers import full_config, small_config

from mlp_numpy.cli import main
from mlp_numpy.errors import DataNotFoundError, NonFiniteError, OptionError, RunFolderError
from mlp_numpy.experiment import Run, run
from mlp_numpy.report import read_contents, run_page, write_run_report
from mlp_numpy.training import History

pytestmark = pytest.mark.usefixtures("no_pictures")
_VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """The tags of a page, closed in order, its ids, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data

    def attributes(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def headings(self) -> list[str]:
        return [str(attributes["id"]) for attributes in self.attributes("h2")]


def contents_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def report(folder: Path, tmp_path: Path, **options: Any) -> Page:
    """The page of a run, held against what every page promises."""
    before = contents_of(folder)
    out = write_run_report(folder, tmp_path / "page.html", overwrite=True, **options)
    assert contents_of(folder) == before
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    # nothing is loaded from elsewhere
    places = re.findall(r"""(?:src|href)="([^"]*)\"""", text) + re.findall(r"url\(([^)]*)\)", text)
    assert all(place.startswith(("data:", "#")) for place in places)
    assert not page.attributes("script")[0]
    assert len(page.attributes("script")) == 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {place[1:] for place in places if place.startswith("#")} == set(ids)
    assert all(attributes["alt"] for attributes in page.attributes("img"))
    return page


@pytest.fixture(scope="module")
def complete(cifar_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with validation, layer statistics and a schedule."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("save_curves", "save_layer_stats"):
            patch.setattr(f"mlp_numpy.experiment.artifacts.{name}", lambda path, *_, **__: path.touch())
        return run(full_config(cifar_dir, tmp_path_factory.mktemp("runs"), checkpoint_every=60)).folder


def test_a_finished_run(complete: Path, tmp_path: Path) -> None:
    page, history = report(complete, tmp_path), History.read(complete / "history.json")
    assert page.headings() == [
        *("curves", "confusion-matrix", "most-confident-mistakes", "layers", "doctor", "settings", "machine")
    ]
    assert history.best is not None
    assert history.info.test is not None
    for said in (
        "Finished after 60 of 60 steps.",
        f"{history.best.accuracy:.4g} at step {history.best.step}",
        f"{history.info.test.accuracy:.4g}",
        "test set opened once",
        "overfit one batch",
        "warmup:20+cosine",
        "Learning rate",
        "Gradient norm",
    ):
        assert said in page.text, said
    # 40 validation examples, each counted once
    cells = re.findall(r'title="(\d+) \w+ predicted as \w+"', (tmp_path / "page.html").read_text(encoding="utf-8"))
    assert len(cells) == 100
    assert sum(map(int, cells)) == 40
    assert 0 < len(page.attributes("img")) <= 24
    assert History.read(complete / "history.json").info.test_openings == history.info.test_openings


def test_the_curves_are_those_of_the_history(complete: Path) -> None:
    page = Page(run_page(read_contents(complete, doctor=False)))
    history = History.read(complete / "history.json")
    frame = page.attributes("div")[[a.get("class") for a in page.attributes("div")].index("frame")]
    (x0, x1), (y0, y1) = (map(float, frame[name].split()) for name in ("data-x", "data-y"))
    path = next(a["d"] for a in page.attributes("path") if "validation" in a["data-name"])
    places = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", path), float)
    np.testing.assert_allclose(
        x0 + places[:, 0] / 1000 * (x1 - x0), [each.step for each in history.evaluations], atol=0.01
    )
    losses = [each.loss for each in history.evaluations]
    assert frame["data-log"] == "1"  # the first loss is far above the others
    np.testing.assert_allclose(10 ** (y1 - places[:, 1] / 1000 * (y1 - y0)), losses, rtol=1e-3)


def test_an_unfinished_run(cifar_dir: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    with Run(full_config(cifar_dir, tmp_path)) as under_way:
        next(record for record in under_way.records() if record.step >= 20)
        assert "Still training" in report(under_way.folder, tmp_path, doctor=False).text
        # a killed process leaves what is on disk now: settings and checkpoints, no history and no model
        shutil.copytree(under_way.folder, killed)
    page = report(killed, tmp_path)
    for said in (
        "Unfinished: its process ended after 14 of 60 steps",
        "predictions could not be made",
        "model.npz is missing",
        "the run has not recorded its machine",
        "interrupted: its process ended after its checkpoint of step 14",
    ):
        assert said in page.text, said
    for path in killed.glob("checkpoint*"):
        path.unlink()
    page = report(killed, tmp_path, doctor=False)
    assert "No history can be read" in page.text
    assert "No step has been recorded." in page.text


def test_a_diverged_run(cifar_dir: Path, tmp_path: Path) -> None:
    under_way = Run(small_config(cifar_dir, tmp_path, lr=1e9, init="kaiming", name="a", steps=50))
    with pytest.raises(NonFiniteError), under_way:
        list(under_way.records())
    page = report(tmp_path / "runs" / "a", tmp_path)
    assert "Diverged or failed after" in page.text
    assert "can be run again with the command replay" in page.text
    assert "its test set, evaluated while it trained" in page.text


def test_an_old_run(cifar_dir: Path, tmp_path: Path) -> None:
    """Of version 0.1 are histories without most entries, learning rates and layer statistics."""
    folder = run(small_config(cifar_dir, tmp_path, steps=4, eval_every=2, name="a")).folder
    for name in ("checkpoint.npz", "checkpoint.previous.npz", "versions.json"):
        (folder / name).unlink(missing_ok=True)
    old = {
        "about": {"model": "MLP", "dataset": "<CIFAR-10>"},
        "train": {"step": [1], "loss": [2.5], "accuracy": [0.5]},
        "test": {"step": [0, 1], "loss": [2.6, None], "accuracy": [0.1, 0.5]},
    }
    (folder / "history.json").write_text(json.dumps(old))
    page = report(folder, tmp_path, doctor=False)
    assert "<CIFAR-10>" in page.text  # escaped
    assert "0.5 at step 1" in page.text
    assert "confusion-matrix" in page.headings()


@pytest.mark.parametrize("target", ["price", "city"])
def test_tables(target: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with Path(tmp_path, "houses.csv").open("w", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["area", "city", "price"])
        for _ in range(120):
            area, city = rng.uniform(40, 200), rng.choice(["Basel & Land", "Bern"])
            rows.writerow([f"{area:.1f}", city, f"{3 * area + rng.normal():.2f}"])
    settings = {"dataset": f"table:{tmp_path}/houses.csv", "target": (target,), "steps": 10, "eval_every": 5}
    folder = run(small_config(tmp_path, tmp_path, name="a", **settings)).folder
    page = report(folder, tmp_path)
    if target == "price":
        assert page.headings()[1:3] == ["predictions", "largest-errors"]
        for said in ("mean absolute error", "price: predicted by true value", "Basel & Land"):
            assert said in page.text, said
    else:
        assert page.headings()[1:3] == ["confusion-matrix", "most-confident-mistakes"]
        assert "Basel & Land" in page.text
        assert page.attributes("img") == []


def test_what_cannot_be_is_refused(complete: Path, tmp_path: Path) -> None:
    (tmp_path / "there.html").touch()
    with pytest.raises(RunFolderError, match=r"there\.html already exists\. Hint: --overwrite"):
        write_run_report(complete, tmp_path / "there.html")
    with pytest.raises(OptionError, match="out must lie outside the run's folder"):
        write_run_report(complete, complete / "page.html")
    with pytest.raises(RunFolderError, match="must be written"):
        write_run_report(complete, tmp_path / "none" / "page.html", doctor=False)
    with pytest.raises(DataNotFoundError, match="must be the folder of a run"):
        write_run_report(tmp_path / "none", tmp_path / "page.html")
    with pytest.raises(OptionError, match="doctor must be"):
        write_run_report(complete, doctor=1)  # type: ignore[arg-type]


def test_missing_data_are_said(complete: Path, tmp_path: Path) -> None:
    page = report(complete, tmp_path, data_dir=tmp_path / "nowhere")
    assert "predictions could not be made" in page.text
    assert "The doctor could not examine this run" in page.text
    assert "Loss" in page.text


def test_the_command(complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(complete), "--no-doctor"]) == 0
    assert capsys.readouterr().out == "report  a-report.html\n"
    assert "Not asked." in Page(Path("a-report.html").read_text(encoding="utf-8")).text
    assert main(["report", str(complete), "--no-doctor"]) == 1
    assert "already exists" in capsys.readouterr().err
