"""Event files: what is in them, also after a run was killed and went on."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from run_helpers import small_config

from mlp_numpy.config import Config
from mlp_numpy.experiment import Run, log_run, run
from mlp_numpy.tracking import TrackerWarning, make_tracker
from mlp_numpy.training import History

pytestmark = pytest.mark.usefixtures("no_pictures")

NAMES = ("tensorboardX", "tensorboardX.event_file_writer", "tensorboardX.proto")
NAMES += ("tensorboardX.proto.event_pb2", "tensorboardX.proto.summary_pb2")
Scalars = dict[str, dict[int, float]]


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return small_config(
        cifar_dir,
        tmp_path,
        steps=12,
        eval_every=4,
        checkpoint_every=4,
        layer_stats_every=6,
        schedule="exponential:0.9",
        tensorboard=True,
        name="a",
    )


class FakeWriter:
    """Keeps events in a list instead of a file of that name."""

    written: list[tuple[str, SimpleNamespace]] = []
    fails = False

    def __init__(self, prefix: str, suffix: str) -> None:
        self.path = f"{prefix}.out.tfevents.1{suffix}"
        Path(self.path).touch()
        # as opening a file to write does
        FakeWriter.written[:] = [pair for pair in FakeWriter.written if pair[0] != self.path]

    def write_event(self, event: SimpleNamespace) -> None:
        if FakeWriter.fails:
            raise OSError(28, "No space left on device")
        FakeWriter.written.append((self.path, event))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, SimpleNamespace]]:
    package, files, proto, messages, summaries = (ModuleType(name) for name in NAMES)
    for name, module in zip(NAMES, (package, files, proto, messages, summaries), strict=True):
        monkeypatch.setitem(sys.modules, name, module)
    package.event_file_writer, package.proto = files, proto
    proto.event_pb2, proto.summary_pb2 = messages, summaries
    files.EventsWriter = FakeWriter
    messages.Event = SimpleNamespace
    messages.SessionLog = type("SessionLog", (SimpleNamespace,), {"START": 1})
    summaries.Summary = type("Summary", (SimpleNamespace,), {"Value": SimpleNamespace})
    monkeypatch.setattr(FakeWriter, "written", [])
    monkeypatch.setattr(FakeWriter, "fails", False)
    return FakeWriter.written


def shown(events: list[Any]) -> Scalars:
    """What TensorBoard shows of events: a restart makes it forget all from its step on. Nothing may be there twice."""
    found: Scalars = {}
    for event in events:
        session = getattr(event, "session_log", None)
        if session is not None and session.status == 1:
            found = {tag: {at: v for at, v in row.items() if at < event.step} for tag, row in found.items()}
        for part in getattr(getattr(event, "summary", None), "value", []):
            row = found.setdefault(part.tag, {})
            assert event.step not in row
            row[event.step] = part.simple_value
    return found


def check_all_there(found: Scalars, history: History) -> None:
    assert found["loss/train"] == pytest.approx({record.step: record.loss for record in history.steps})
    assert found["accuracy/train"] == pytest.approx({record.step: record.accuracy for record in history.steps})
    assert found["loss/test"] == pytest.approx({record.step: record.loss for record in history.evaluations})
    assert found["accuracy/test"] == pytest.approx({record.step: record.accuracy for record in history.evaluations})
    assert found["learning rate"] == pytest.approx({step: 2e-3 * 0.9 ** (step - 1) for step in range(1, 13)})
    for record in history.steps:
        for layer, measures in (record.layer_stats or {}).items():
            for measure, value in measures.items():
                assert found[f"{measure}/{layer}"][record.step] == pytest.approx(value)
    assert len(found["gradient/0 LinearModule"]) == 2


def broken_off(config: Config, step: int) -> Path:
    """A run that is killed, as far as its files tell, after a step that is later than its last checkpoint."""
    under_way = Run(config)
    records = under_way.records()
    for record in records:
        if record.step == step:
            break
    folder = under_way.folder
    kept = (folder / "checkpoint.npz").read_bytes()
    under_way.close()
    (folder / "checkpoint.npz").write_bytes(kept)
    return folder


def test_every_record_is_written(config: Config, fake: list[tuple[str, SimpleNamespace]]) -> None:
    result = run(config)
    check_all_there(shown([event for _, event in fake]), result.history)
    assert {Path(path).parent for path, _ in fake} == {result.folder / "tensorboard"}


@pytest.mark.parametrize("killed_after", [2, 4, 6, 8, 11])
def test_nothing_is_there_twice_after_a_run_went_on(
    config: Config, fake: list[tuple[str, SimpleNamespace]], killed_after: int
) -> None:
    folder = broken_off(config, killed_after)
    with Run.resumed(folder) as again:
        for _ in again.records():
            pass
    assert again.result is not None
    check_all_there(shown([event for _, event in fake]), again.result.history)


def test_a_run_that_replaces_another_leaves_none_of_its_events(
    config: Config, fake: list[tuple[str, SimpleNamespace]]
) -> None:
    folder = run(config).folder
    old = folder / "tensorboard" / "events.out.tfevents.0.old"
    old.touch()
    run(replace(config, overwrite=True, tensorboard=False))
    assert not (folder / "tensorboard").exists()


def test_a_full_disk_switches_it_off_and_the_run_can_be_logged_later(
    config: Config, fake: list[tuple[str, SimpleNamespace]], monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way = Run(config)
    with pytest.warns(
        TrackerWarning, match="TensorBoard: record at step 7 must not raise, got OSError: .*No space left"
    ):
        for record in under_way.records():
            FakeWriter.fails = record.step == 6
    history = History.read(under_way.folder / "history.json")
    assert history.info.status == "finished"
    assert len(history.steps) == 12
    (told,) = history.info.tracker_errors
    assert f"python -m mlp_numpy log {under_way.folder} --to tensorboard" in told
    monkeypatch.setattr(FakeWriter, "fails", False)
    log_run(under_way.folder, make_tracker("test", "tensorboard"))
    latest = fake[-1][0]
    found = shown([event for path, event in fake if path == latest])
    assert found["loss/train"] == {record.step: record.loss for record in history.steps}
    assert found["loss/test"] == {record.step: record.loss for record in history.evaluations}


def events_in(folder: Path) -> Iterator[Any]:
    """The events of all files of a folder: each a length of 8 bytes, a checksum of 4, the event, a checksum of 4."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    for path in sorted(folder.iterdir(), key=lambda path: int(path.name.rpartition("-")[2])):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = event_pb2.Event.FromString(content[12 : 12 + length])
            yield SimpleNamespace(step=event.step, summary=event.summary, session_log=event.session_log)
            content = content[16 + length :]


def test_the_files_of_the_real_library(config: Config) -> None:
    pytest.importorskip("tensorboardX")
    folder = broken_off(config, 10)
    with Run.resumed(folder) as again:
        for _ in again.records():
            pass
    assert again.result is not None
    check_all_there(shown(list(events_in(folder / "tensorboard"))), again.result.history)
