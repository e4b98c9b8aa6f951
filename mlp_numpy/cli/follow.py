"""Prints a run on the command line: its settings, its progress and its result."""

from __future__ import annotations

from tqdm import tqdm

from mlp_numpy.cli.console import FAILED, banner, on_terminal, printed_warnings
from mlp_numpy.cli.formatting import evaluation_line, examples_text, outlook, run_summary, task_text
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.experiment import Run, estimate
from mlp_numpy.tracking import TrackerWarning
from mlp_numpy.training import StepRecord


def follow(experiment: Run) -> int:
    """Train with a progress bar on a terminal, else with a line per evaluation; print settings and result.

    Returns the exit status. Raises NonFiniteError if the training diverges.
    """
    split, done, steps = experiment.config.held_out, experiment.trainer.step, experiment.config.steps
    with printed_warnings(TrackerWarning), experiment as run:
        _introduce(run)
        try:
            with tqdm(total=steps, initial=done, unit="step", disable=not on_terminal(), dynamic_ncols=True) as bar:
                latest: StepRecord | None = None
                for record in run.records():
                    if isinstance(record, StepRecord):
                        latest = record
                        bar.update()
                    else:
                        name = experiment.trainer.monitor
                        bar.set_postfix_str(f"{split} {name} {record.value(name):.3f}")
                        if bar.disable:
                            print(evaluation_line(record, latest, split), flush=True)
        except NonFiniteError:
            print(_places(run), flush=True)
            raise
    if run.result is None:
        return FAILED
    print(f"{run_summary(run.result.history)}\n{_places(run)}", flush=True)
    # A stop request that arrived after the end has interrupted nothing.
    return 128 + run.stopped_by if run.stopped_by is not None and run.result.status == "interrupted" else 0


def _introduce(run: Run) -> None:
    """Print the settings, and the expected time and memory."""
    if run.warning is not None:
        banner(run.warning)
    settings, how = run.config, run.trainer.optimizer
    examples = f"{len(run.parts.train):,} + {len(run.parts.held_out):,} {examples_text(run.dataset)}"
    print(f"data    {run.dataset.name}, {examples} ({settings.held_out}), from {run.dataset.source}")
    if run.dataset.columns:
        print(f"task    {task_text(run.dataset, settings.target)}")
    print(f"model   {run.model!r}, {len(run.parameters):,} parameters")
    print(f"train   {how!r}, batch {settings.batch}, {settings.steps} steps, seed {settings.seed}", flush=True)
    expected = estimate(run.parts, settings.steps)
    print(f"expect  {outlook(expected.memory, expected.seconds)}", flush=True)
    if run.trainer.step:
        print(f"resumed after step {run.trainer.step}", flush=True)


def _places(run: Run) -> str:
    return f"run     {run.folder}\nfigure  {run.picture}"
