"""HTML of tables, pictures and notes; every text is escaped here."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from mlp_numpy.arrays import Array
from mlp_numpy.viz.images import pictures


def table_html(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "", numeric: Sequence[int] = ()
) -> str:
    """A table whose first column names the rows; the columns at the places ``numeric`` are aligned to the right.

    On a narrow screen, it scrolls.
    """
    kinds = [' class="n"' if place in numeric else "" for place in range(len(heads))]
    head = "".join(f'<th scope="col"{kind}>{escape(text)}</th>' for text, kind in zip(heads, kinds, strict=True))
    body = ""
    for first, *others in rows:
        cells = "".join(f"<td{kind}>{escape(text)}</td>" for text, kind in zip(others, kinds[1:], strict=True))
        body += f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>\n'
    told = f'<p class="dim">{escape(caption)}</p>' if caption else ""
    return (
        f'{told}<div class="wide" tabindex="0" role="region" aria-label="{escape(caption or heads[0])}">'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def note_html(kind: str, text: str) -> str:
    """A framed remark; ``kind`` is "warning" or "error"."""
    return f'<div class="note {kind}" role="note"><p>{escape(text)}</p></div>'


def tiles_html(values: Sequence[tuple[str, str]]) -> str:
    """Names and short values as tiles."""
    tiles = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in values)
    return f'<dl class="tiles">{tiles}</dl>'


def confusion_html(counts: Array, names: Sequence[str], caption: str) -> str:
    """A confusion matrix (C, C), colored by the fraction of each true class, with recall and precision."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = ""
    for i, name in enumerate(names):
        cells = "".join(
            f'<td class="{"much" if share > 0.5 else "" if count else "none"}" style="--share:{share:.3f}" '
            f'title="{escape(f"{count} {name} predicted as {names[j]}")}">{count}</td>'
            for j, (count, share) in enumerate(zip(counts[i].tolist(), shares[i].tolist(), strict=True))
        )
        body += f'<tr><th scope="row">{escape(name)}</th>{cells}<td class="rate">{shares[i, i]:.3f}</td></tr>\n'
    precision = np.diag(counts) / np.maximum(counts.sum(axis=0), 1)
    last = "".join(f'<td class="rate">{value:.3f}</td>' for value in precision.tolist())
    return (
        f'<p class="dim">{escape(caption)}</p>'
        '<div class="wide" tabindex="0" role="region" aria-label="confusion matrix"><table class="confusion">'
        f'<thead><tr><th scope="col">true ↓ predicted →</th>{heads}<th scope="col">recall</th></tr></thead>\n'
        f'<tbody>{body}<tr><th scope="row">precision</th>{last}<td class="rate"></td></tr></tbody></table></div>'
    )


def classes_html(counts: Array, names: Sequence[str], caption: str) -> str:
    """What replaces the confusion matrix of many classes: a row per class, the lowest recall first."""
    wrong = counts - np.diag(np.diag(counts))
    right, n, taken = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    rows = []
    for i in np.argsort(right / np.maximum(n, 1), kind="stable").tolist():
        worst = int(wrong[i].argmax())
        mistake = f"{names[worst]} ({wrong[i, worst]})" if wrong[i, worst] else "–"
        rates = (f"{right[i] / max(int(each[i]), 1):.3f}" for each in (n, taken))
        rows.append([names[i], str(n[i]), *rates, mistake])
    heads = ("true class", "examples", "recall", "precision", "most often taken for")
    return table_html(heads, rows, caption=caption, numeric=(1, 2, 3))


def image_html(row: Array, image_shape: tuple[int, int, int], alternative: str) -> str:
    """An image (C·H·W,) with C of 1 or 3, values in 0 … 255, as PNG within the page."""
    pixels = np.rint(np.clip(pictures(row[np.newaxis], image_shape)[0], 0, 255)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    content = base64.b64encode(file.getvalue()).decode()
    height, width = image_shape[1:]
    return f'<img alt="{escape(alternative)}" width="{width}" height="{height}" src="data:image/png;base64,{content}">'
