"""The report of a run: one self-contained HTML page, made from its folder, which is only read."""

from mlp_numpy.report.contents import RunContents, read_contents
from mlp_numpy.report.page import run_page, write_run_report
from mlp_numpy.report.predictions import Predictions, predict_held_out

__all__ = ["Predictions", "RunContents", "predict_held_out", "read_contents", "run_page", "write_run_report"]
