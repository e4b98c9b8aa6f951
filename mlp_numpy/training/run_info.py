"""Metadata of a run, as its history and its checkpoints keep them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mlp_numpy.data.json_files import count_of, list_of, number_of, object_of, text_of
from mlp_numpy.training.records import EvaluationRecord


@dataclass
class RunInfo:
    """Data set, model and state of a run; an entry that is not known is empty or None.

    name            of the run's folder
    dataset         name of the data set; ``dataset_option`` is the option that loads it, ``data_dir`` its folder and
                    ``source`` its origin
    model           as its repr, and so ``loss`` and ``optimizer``; ``parameters`` is the number of trainable values
    config          all settings by name
    shards          parts of each batch that are computed side by side, by ``threads`` threads; None: 1, of a run before
                    version 0.2
    ranks           processes that share each batch; None: one
    monitor         the metric that selects the best model, or "loss"; accuracy if it is empty
    task            "classification" (also if it is empty), "multilabel" or "regression"
    status          "running", "finished", "stopped early", "interrupted", "stopped: …" or "failed …"
    seconds         duration so far
    test            evaluation of the test set with the selected weights, where validation selects them
    test_openings   the reason of each evaluation of the test set
    resumed_at      the steps after which the run was resumed
    not_saved       names of files that could not be written
    tracker_errors  a message for each tracker that failed and was switched off
    other           entries of a file that this version does not know
    """

    name: str = ""
    dataset: str = ""
    dataset_option: str = ""
    data_dir: str = ""
    source: str = ""
    model: str = ""
    parameters: int | None = None
    loss: str = ""
    optimizer: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    shards: int | None = None
    threads: int | None = None
    ranks: int | None = None
    monitor: str = ""
    task: str = ""
    test_openings: list[str] | None = None
    status: str = ""
    seconds: float | None = None
    test: EvaluationRecord | None = None
    resumed_at: list[int] = field(default_factory=list)
    not_saved: list[str] = field(default_factory=list)
    tracker_errors: list[str] = field(default_factory=list)
    other: dict[str, Any] = field(default_factory=dict)

    def lacking(self, *names: str) -> set[str]:
        """Those of the entries ``names`` that are not known."""
        return {name for name in names if getattr(self, name) in ("", None)}

    def complete(self, other: RunInfo) -> None:
        """Take the entries of ``other`` that are not known here."""
        for each in dataclasses.fields(self):
            if getattr(self, each.name) in ("", None, {}, []):
                setattr(self, each.name, getattr(other, each.name))

    def as_json(self) -> dict[str, Any]:
        """The known entries as JSON values."""
        entries = {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name != "other"}
        if self.test is not None:
            entries["test"] = self.test.as_json()
        known = {name: value for name, value in entries.items() if value not in ("", None, {}) and value != []}
        if self.test_openings is not None:
            known["test_openings"] = self.test_openings
        return self.other | known

    @classmethod
    def from_json(cls, content: Any) -> RunInfo:
        """The metadata in a parsed JSON object; raises ValueError if an entry is of the wrong type."""
        entries, other = {}, {}
        for name, value in object_of("about", content).items():
            text_of("a name", name)
            if name in _READ:
                entries[name] = _READ[name](f"about {name}", value)
            else:
                other[name] = value
        return cls(**entries, other=other)


def _strings(name: str, value: Any) -> list[str]:
    found = [text_of(name, each) for each in list_of(name, value)]
    if not all(each.strip() for each in found):
        raise ValueError(f"{name} without a word")
    return found


def _seconds(name: str, value: Any) -> float:
    found = number_of(name, value)
    if not found >= 0:
        raise ValueError(f"{name} {value}")
    return found


_READ: Final[dict[str, Callable[[str, Any], Any]]] = {
    **dict.fromkeys(("name", "dataset", "dataset_option", "data_dir", "source", "status", "model"), text_of),
    **dict.fromkeys(("loss", "optimizer", "monitor", "task"), text_of),
    **dict.fromkeys(("test_openings", "not_saved", "tracker_errors"), _strings),
    "seconds": _seconds,
    "config": object_of,
    "test": EvaluationRecord.from_json,
    "resumed_at": lambda name, value: [count_of(name, step) for step in list_of(name, value)],
    **dict.fromkeys(("parameters", "shards", "threads", "ranks"), count_of),
}
