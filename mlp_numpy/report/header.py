"""The head of a report: what was run, how it ended, what to know before believing it, and its main figures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from mlp_numpy.experiment.folder import DONE
from mlp_numpy.report.contents import RunContents
from mlp_numpy.report.tables import note_html, tiles_html


def run_name(contents: RunContents) -> str:
    """The name of the run, or of its folder."""
    return contents.history.info.name or contents.folder.name


def header_html(contents: RunContents) -> str:
    """The head of the page as HTML."""
    info = contents.history.info
    where = " on ".join(filter(None, [info.model.split("(")[0] and _short(info.model), info.dataset]))
    kind, text = _status(contents)
    return (
        f"<h1>{escape(run_name(contents))}</h1>\n<p>{escape(where or 'model and data set not recorded')}</p>\n"
        f'<p class="status {kind}">{escape(text)}</p>\n{"".join(_notes(contents))}{tiles_html(list(_tiles(contents)))}'
    )


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}…"


def _last_step(contents: RunContents) -> int:
    history = contents.history
    return max(history.steps[-1].step if history.steps else 0, history.last_evaluated or 0)


def _status(contents: RunContents) -> tuple[str, str]:
    """ok, warning or error, and the status in words."""
    status, at = contents.history.info.status, f"{_last_step(contents):,} of {contents.config.steps:,} steps"
    if contents.at_work:
        return "warning", f"Still training: {at} recorded. This page shows its latest saved state."
    if status in DONE:
        return "ok", f"{status.capitalize()} after {at}."
    if status.startswith(("stopped:", "failed")):
        return "error", f"Diverged or failed after {at}."
    if status in ("", "running"):
        return (
            "warning",
            f"Unfinished: its process ended after {at}. train --resume continues it.",
        )
    return "warning", f"{status.capitalize()} after {at}; train --resume continues it."


def _notes(contents: RunContents) -> Iterator[str]:
    """What a reader must know before believing the numbers."""
    info, failure = contents.history.info, contents.failure
    if info.status.startswith(("stopped:", "failed")):
        yield note_html("error", info.status)
    if failure is not None:
        place = "All values in it were finite." if failure["place"] is None else f"First in {failure['place']}."
        yield note_html(
            "error", f"The failed step, {failure['step']}, can be run again with the command replay. {place}"
        )
    if "history" in contents.problems:
        yield note_html("error", f"No history can be read: {contents.problems['history']}")
    if contents.config.dataset == "auto" and info.dataset == "shapes":
        yield note_html("warning", "This is not CIFAR-10: the run used generated images, since CIFAR-10 was not found.")
    if contents.history.evaluations and contents.history.part == "test":
        yield note_html(
            "warning",
            "The held-out examples of this run are its test set, evaluated while it trained: the best value is chosen "
            "by the test set, and so is too good.",
        )
    if info.resumed_at:
        yield note_html("warning", f"Resumed after step {', '.join(map(str, info.resumed_at))}.")
    for name, texts in (("Files that could not be saved", info.not_saved), ("Trackers", info.tracker_errors)):
        if texts:
            yield note_html("warning", f"{name}: {'; '.join(texts)}")


def _tiles(contents: RunContents) -> Iterator[tuple[str, str]]:
    history = contents.history
    info, best = history.info, history.best
    if best is not None:
        name = history.monitor
        yield f"best {history.part} {name}", f"{best.value(name):.4g} at step {best.step:,}"
        yield f"last {history.part} {name}", f"{history.evaluations[-1].value(name):.4g}"
    if info.test is not None:
        n = len(info.test_openings or [])
        for name, value in info.test.measured.items():
            yield f"test {name}, test set opened {'once' if n == 1 else f'{n} times'}", f"{value:.4g}"
    if info.parameters is not None:
        yield "parameters", f"{info.parameters:,}"
    if info.seconds is not None:
        yield "time", f"{info.seconds:,.1f} s" if info.seconds < 600 else f"{info.seconds / 60:,.1f} min"
    yield "seed", str(contents.config.seed)
