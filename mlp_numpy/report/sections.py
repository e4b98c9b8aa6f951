"""The sections of a report about the training: curves, layers, the doctor's findings, settings and machine."""

from __future__ import annotations

import math
from dataclasses import fields
from html import escape
from typing import Any, Final

from mlp_numpy.config import Config
from mlp_numpy.experiment.artifacts import layer_measures
from mlp_numpy.report.charts import Chart, Series, chart_html, layer_color, spans_decades, training_series
from mlp_numpy.report.contents import RunContents
from mlp_numpy.report.tables import note_html, table_html
from mlp_numpy.training.records import metric_names
from mlp_numpy.viz.curves import LOWEST_R2, METRIC_LABELS
from mlp_numpy.viz.layer_stats import DEAD_FRACTION

_WIDTH: Final = 50
"""Steps of the running means."""
_SIGNS: Final = {"ok": "✓ ok", "warning": "! warning", "error": "✗ error"}


def curves_html(contents: RunContents) -> str:
    """Loss, metrics and learning rate by step."""
    history = contents.history
    if not history.steps and not history.evaluations:
        return "<p>No step has been recorded.</p>"
    steps = [record.step for record in history.steps]
    at = [record.step for record in history.evaluations]
    # fewer steps than a few widths are shown as they are
    width = _WIDTH if len(steps) > 4 * _WIDTH else 1

    def held_out(name: str) -> list[Series]:
        values = [record.value(name) for record in history.evaluations]
        found = Series(f"{history.part}, all examples", at, values, "var(--s2)", "dotted")
        return [found] if any(map(math.isfinite, values)) else []

    losses = [record.loss for record in history.steps]
    curves = [*training_series(steps, losses, width), *held_out("loss")]
    charts = [Chart("Loss", "step", "loss", curves, log=spans_decades([y for each in curves for y in each.y]))]
    accuracies = [record.accuracy for record in history.steps]
    metrics = [*(["accuracy"] if history.task != "regression" else []), *metric_names(history.evaluations)]
    for name in metrics:
        train = training_series(steps, accuracies, width) if name == "accuracy" else []
        label, curves = METRIC_LABELS.get(name, name), [*train, *held_out(name)]
        limits = (LOWEST_R2, 1.02) if name == "r2" and any(min(each.y) < LOWEST_R2 for each in curves) else None
        charts.append(Chart(label[0].upper() + label[1:], "step", name, curves, limits=limits))
    rates = [record.lr for record in history.steps]
    if any(map(math.isfinite, rates)) and len(set(rates)) > 1:
        line = Series("learning rate", steps, rates, "var(--s3)")
        charts.append(Chart("Learning rate", "step", "learning rate", [line]))
    help_text = "Drag to zoom, double-click to see all; with the keyboard, + − 0 and arrows."
    return f'<p class="dim">{help_text}</p><div class="charts">{"".join(map(chart_html, charts))}</div>'


def layers_html(contents: RunContents) -> str:
    """The statistics of each layer by step, and the last ones as a table."""
    stats = contents.history.layer_stats()
    if not stats:
        return "<p>Not measured. train --layer-stats-every 10 measures every layer each tenth step.</p>"
    steps, layers = stats["step"], {name: columns for name, columns in stats.items() if name != "step"}
    colors = {name: layer_color(place, len(layers)) for place, name in enumerate(layers)}
    charts = [
        Chart(
            measure.capitalize(),
            "step",
            measure,
            [Series(name, steps, values, colors[name]) for name, values in columns.items()],
            log=measure != DEAD_FRACTION,
            limits=(-0.02, 1.02) if measure == DEAD_FRACTION else None,
        )
        for measure, columns in layer_measures(stats).items()
    ]
    rows = [[name, *(_last(columns, measure) for measure in _MEASURES)] for name, columns in layers.items()]
    caption = f"Each layer at step {steps[-1]}: norms of its gradient, weights and update; its output; its dead units."
    table = table_html(("layer", *_MEASURES.values()), rows, caption=caption, numeric=range(1, 1 + len(_MEASURES)))
    return f'<div class="charts">{"".join(map(chart_html, charts))}</div>{table}'


_MEASURES: Final = {
    "gradient": "‖gradient‖",
    "weight": "‖weight‖",
    "update": "‖update‖",
    "mean": "output mean",
    "std": "output std",
    "dead": "dead fraction",
}


def _last(columns: dict[str, list[float]], measure: str) -> str:
    return f"{columns[measure][-1]:.3g}" if measure in columns else ""


def doctor_html(contents: RunContents) -> str:
    """The findings of the doctor."""
    if contents.findings is None:
        if "findings" in contents.problems:
            return note_html("warning", f"The doctor could not examine this run: {contents.problems['findings']}")
        return "<p>Not asked.</p>"
    rows = "".join(
        f'<tr><th scope="row">{escape(each.name)}</th><td class="status {each.status}">{_SIGNS[each.status]}</td>'
        f"<td>{escape(each.measured)}</td><td>{escape(each.advice)}</td></tr>"
        for each in contents.findings
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("rule", "status", "measured", "what to do"))
    return f'<table class="stack"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def settings_html(contents: RunContents) -> str:
    """The parts as built, and the settings."""
    config = contents.config
    default = {field.name: field.default for field in fields(Config)}
    rows = [[name, _value(getattr(config, name)), _value(default[name])] for name in default]
    changed = [row for row in rows if row[1] != row[2]]
    heads = ("setting", "value", "default")
    info = contents.history.info
    parts = [
        [name, text]
        for name, text in (
            ("model", info.model),
            ("loss", info.loss),
            ("optimizer", info.optimizer),
            ("data", info.source),
        )
        if text
    ]
    described = table_html(("part", "as built"), parts) if parts else ""
    table = table_html(heads, changed, caption="Settings that differ from their defaults.") if changed else ""
    return f"{described}{table}<details><summary>All settings</summary>{table_html(heads, rows)}</details>"


def _value(value: Any) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value) if value != "" else "–"


def machine_html(contents: RunContents) -> str:
    """The versions and the machine of the run."""
    system, info = contents.system, contents.history.info
    if system is None:
        why = contents.problems.get("system", "the run has not recorded its machine.")
        return f"<p>{escape(why)}</p>"
    packages = system.get("packages")
    versions = packages.items() if isinstance(packages, dict) else ()
    rows = [[name, str(system[name])] for name in ("python", "platform", "processor", "cores") if name in system]
    rows += [[str(name), str(version)] for name, version in versions if version]
    rows += [[name, str(value)] for name, value in (("shards", info.shards), ("threads", info.threads)) if value]
    return table_html(("", ""), rows, caption="Machine and versions of the run.")
