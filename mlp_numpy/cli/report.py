"""The command ``report``: a page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from mlp_numpy.report import write_run_report


def report_run(
    run: Annotated[Path, tyro.conf.Positional],
    out: Path | None = None,
    data_dir: str = "",
    doctor: bool = True,
    overwrite: bool = False,
) -> int:
    """Write one self-contained HTML page about a run: curves, mistakes, layers, settings and the doctor's findings.

    The run's folder is only read, and a sealed test set stays sealed: predictions are of the split that the run
    evaluated while training. A run that is unfinished or diverged has a report, too.

    Args:
        run: folder of a run, such as runs/run-cifar10-001
        out: HTML file to write; default: NAME-report.html in the current folder
        data_dir: folder of its data set, if that has moved
        doctor: examine the run; takes a few seconds, or a minute for a large network
        overwrite: replace an existing file
    """
    print(f"report  {write_run_report(run, out, data_dir=data_dir or None, doctor=doctor, overwrite=overwrite)}")
    return 0
