"""The sections of a report about predictions: which were wrong and how, for every task."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from mlp_numpy.data.columns import decode
from mlp_numpy.report.charts import Chart, Series, chart_html
from mlp_numpy.report.predictions import Predictions
from mlp_numpy.report.tables import classes_html, confusion_html, image_html, table_html
from mlp_numpy.training import confusion_matrix, mae, r2, rmse
from mlp_numpy.viz import most_confident_mistakes

LARGEST_MATRIX: Final = 20
MOST_MISTAKES: Final = 24
_MOST_ROWS: Final = 12
_MOST_COLUMNS: Final = 8
_MOST_TARGETS: Final = 6
_MOST_DOTS: Final = 1500


def predictions_html(found: Predictions) -> tuple[str, str]:
    """The sections "what was predicted" and "the largest mistakes" as HTML."""
    if found.task == "regression":
        return _regression(found), _largest_errors(found)
    if found.task == "multilabel":
        return _label_sets(found), ""
    return _confusion(found), _mistakes(found)


def _of(found: Predictions) -> str:
    return f"{len(found):,} {found.part} examples, weights of step {found.step}"


def _confusion(found: Predictions) -> str:
    names, predicted = found.dataset.class_names, found.outputs.argmax(axis=1)
    counts = confusion_matrix(found.truth, predicted, len(names))
    right = int(np.diag(counts).sum())
    caption = f"{right:,} of {_of(found)}: accuracy {right / len(found):.4f}."
    return (confusion_html if len(names) <= LARGEST_MATRIX else classes_html)(counts, names, caption)


def _mistakes(found: Predictions) -> str:
    rows = most_confident_mistakes(found.truth, found.outputs, len(found))
    if not len(rows):
        return f"<p>None in {_of(found)}.</p>"
    shown = rows[:MOST_MISTAKES] if _has_pictures(found) else rows[:_MOST_ROWS]
    told = f"The {len(shown)} of {len(rows):,} mistakes with the largest probability, in {_of(found)}."
    names = found.dataset.class_names
    if _has_pictures(found):
        figures = "".join(_picture(found, row, names) for row in shown.tolist())
        words = 'Above: <span class="taken" style="display:inline">the prediction</span>, below: '
        words += '<span class="is" style="display:inline">the true class</span>, with their probabilities.'
        return f'<p class="dim">{escape(told)} {words}</p><div class="pictures">{figures}</div>'
    heads = ["example", "predicted", "true class", *_column_names(found)]
    cells = [
        [
            str(row + 1),
            *(
                f"{names[kind]} {found.outputs[row, kind]:.3f}"
                for kind in (found.outputs[row].argmax(), found.truth[row])
            ),
            *_column_values(found, row),
        ]
        for row in shown.tolist()
    ]
    return table_html(heads, cells, caption=told)


def _picture(found: Predictions, row: int, names: Sequence[str]) -> str:
    taken, right = int(found.outputs[row].argmax()), int(found.truth[row])
    words = [f"{names[kind]} {found.outputs[row, kind]:.2f}" for kind in (taken, right)]
    alternative = f"example {row + 1}: predicted {words[0]}, true class {words[1]}"
    image = image_html(found.inputs[row], found.dataset.image_shape, alternative)
    caption = f'<span class="taken">{escape(words[0])}</span><span class="is">{escape(words[1])}</span>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _has_pictures(found: Predictions) -> bool:
    channels, height, width = found.dataset.image_shape
    return not found.dataset.columns and channels in (1, 3) and height > 1 and width > 1


def _column_names(found: Predictions) -> list[str]:
    columns = found.dataset.columns
    names = [column.name for column in columns[:_MOST_COLUMNS]]
    return [*names, f"and {len(columns) - _MOST_COLUMNS} more"] if len(columns) > _MOST_COLUMNS else names


def _column_values(found: Predictions, row: int) -> list[str]:
    columns = found.dataset.columns
    values = decode(columns, found.inputs[row][np.newaxis])[0] if columns else []
    return [*values[:_MOST_COLUMNS], "…"] if len(values) > _MOST_COLUMNS else values


def _label_sets(found: Predictions) -> str:
    predicted, truth = found.outputs > 0, found.truth > 0
    hits, n, taken = (each.sum(axis=0) for each in (predicted & truth, truth, predicted))
    rows = [
        [name, str(n[k]), f"{hits[k] / max(n[k], 1):.3f}", f"{hits[k] / max(taken[k], 1):.3f}"]
        for k, name in enumerate(found.dataset.class_names)
    ]
    exact = float(np.mean((predicted == truth).all(axis=1)))
    caption = f"All labels right for a fraction of {exact:.4f} of {_of(found)}. A score above 0 predicts its label."
    return table_html(("label", "examples", "recall", "precision"), rows, caption=caption, numeric=(1, 2, 3))


def _regression(found: Predictions) -> str:
    names, errors = found.dataset.class_names, found.outputs - found.truth
    rows = []
    for k, name in enumerate(names):
        pair = found.outputs[:, k : k + 1], found.truth[:, k : k + 1]
        measured = (r2(*pair, None), mae(*pair, None), rmse(*pair, None), float(errors[:, k].mean()))
        rows.append([name, *(f"{value:.5g}" for value in measured)])
    heads = ("target", "R²", "mean absolute error", "root mean squared error", "mean error")
    table = table_html(heads, rows, caption=f"{_of(found)}, in original units.".capitalize(), numeric=(1, 2, 3, 4))
    charts = "".join(
        chart_html(chart) for k, name in enumerate(names[:_MOST_TARGETS]) for chart in _target_charts(found, k, name)
    )
    left_out = f"<p>Charts of the first {_MOST_TARGETS} targets.</p>" if len(names) > _MOST_TARGETS else ""
    return f'{table}{left_out}<div class="charts">{charts}</div>'


def _target_charts(found: Predictions, k: int, name: str) -> list[Chart]:
    """Predictions by the true values, and the distribution of the errors."""
    truth, outputs = found.truth[:, k].astype(np.float64), found.outputs[:, k].astype(np.float64)
    every = -(-len(truth) // _MOST_DOTS)
    label = "examples" if every == 1 else f"one in {every} examples"
    ends = [float(truth.min()), float(truth.max())]
    scatter = [
        Series(label, truth[::every].tolist(), outputs[::every].tolist(), "var(--s1)", "dots"),
        Series("prediction = truth", ends, ends, "var(--s2)"),
    ]
    errors = outputs - truth
    known = errors[np.isfinite(errors)]
    counts, edges = np.histogram(known, bins=min(40, max(5, len(known) // 10)))
    bars = Series("examples", np.repeat(edges, 2)[1:-1].tolist(), np.repeat(counts, 2).tolist(), "var(--s1)")
    return [
        Chart(f"{name}: predicted by true value", "true value", "predicted", scatter, square=True),
        Chart(f"{name}: distribution of the error", "predicted − true", "examples", [bars]),
    ]


def _largest_errors(found: Predictions) -> str:
    scale = found.truth.std(axis=0)
    errors = np.abs(found.outputs - found.truth) / np.where(scale > 0, scale, 1)
    worst = np.argsort(-errors.max(axis=1), kind="stable")[:_MOST_ROWS]
    rows = []
    for row in worst.tolist():
        k = int(errors[row].argmax())
        values = (f"{found.outputs[row, k]:.5g}", f"{found.truth[row, k]:.5g}", f"{errors[row, k]:.2f}")
        rows.append([str(row + 1), found.dataset.class_names[k], *values, *_column_values(found, row)])
    heads = ["example", "target", "predicted", "true value", "error / σ", *_column_names(found)]
    told = f"The {len(rows)} largest errors, relative to the standard deviation σ of their target, in {_of(found)}."
    return table_html(heads, rows, caption=told, numeric=(2, 3, 4))
