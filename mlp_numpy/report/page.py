"""The page of a report, put together from its sections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from mlp_numpy.atomic_io import write_text
from mlp_numpy.checks import flag, shown
from mlp_numpy.data.reading import as_path
from mlp_numpy.errors import OptionError, RunFolderError
from mlp_numpy.experiment.folder import usable
from mlp_numpy.report.contents import RunContents, read_contents
from mlp_numpy.report.header import header_html, run_name
from mlp_numpy.report.outcomes import predictions_html
from mlp_numpy.report.sections import curves_html, doctor_html, layers_html, machine_html, settings_html
from mlp_numpy.report.tables import note_html

_HERE: Final = Path(__file__).parent


def write_run_report(
    run: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    doctor: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write the report of a run's folder as one HTML file, without references to others; returns its path.

    out        by default ``<name of the run>-report.html`` in the current folder; never inside the run's, which stays
               as it is
    data_dir   folder of the data set, if that has moved
    doctor     add the doctor's findings
    overwrite  replace an existing file

    Raises RunFolderError if the file exists or cannot be written, OptionError for an ``out`` within the run's folder,
    and what ``read_contents`` raises.
    """
    flag("report", "doctor", doctor)
    flag("report", "overwrite", overwrite)
    folder = as_path("report", run)
    out = Path(f"{folder.resolve().name}-report.html") if out is None else as_path("report: out", out)
    with usable("report", out, "must be written"):
        if out.resolve().is_relative_to(folder.resolve()):
            raise OptionError(
                f"report: out must lie outside the run's folder, which is not changed, got {shown(str(out))}."
            )
        if out.exists() and not overwrite:
            raise RunFolderError(f"report: {out} already exists. Hint: --overwrite replaces it.")
    page = run_page(read_contents(folder, data_dir=data_dir, doctor=doctor))
    with usable("report", out, "must be written"):
        write_text(out, page)
    return out


def run_page(contents: RunContents) -> str:
    """The report as HTML."""
    sections = [(name, body) for name, body in _sections(contents) if body]
    ids = [name.lower().replace(" ", "-") for name, _ in sections]
    links = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, (name, _) in zip(ids, sections, strict=True))
    main = "\n".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{name}</h2>\n{body}\n</section>'
        for key, (name, body) in zip(ids, sections, strict=True)
    )
    parts = {name: (_HERE / f"page.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    return Template(parts["html"]).substitute(
        title=escape(f"{run_name(contents)}: report of a run"),
        style=parts["css"],
        script=parts["js"],
        header=f'{header_html(contents)}\n<nav aria-label="Sections"><ul>{links}</ul></nav>',
        main=main,
        footer=escape(f"Made by python -m mlp_numpy report from the folder of the run {contents.folder.name}."),
    )


def _sections(contents: RunContents) -> Iterator[tuple[str, str]]:
    """Names and HTML of all sections; empty for one without contents."""
    yield "Curves", curves_html(contents)
    regression = contents.history.task == "regression"
    names = ("Predictions", "Largest errors") if regression else ("Confusion matrix", "Most confident mistakes")
    if contents.predictions is None:
        yield names[0], _missing(contents)
    else:
        yield from zip(names, predictions_html(contents.predictions), strict=True)
    yield "Layers", layers_html(contents)
    yield "Doctor", doctor_html(contents)
    yield "Settings", settings_html(contents)
    yield "Machine", machine_html(contents)


def _missing(contents: RunContents) -> str:
    """Why there are no predictions."""
    return note_html(
        "warning", f"The model's predictions could not be made: {contents.problems.get('predictions', '')}"
    )
