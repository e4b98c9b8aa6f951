"""Run an experiment from its settings, interrupt it, resume it, and load what it left.

    python examples/05_run_and_resume.py

Trains an MLP on points of the plane in a temporary folder, which is removed at the end: once without a break, and once
interrupted after 60 of 200 steps and resumed. Prints how each run ended, the accuracy on the test points, which is
above 0.9, and that the weights of both runs are equal to the last bit.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlp_numpy import Config, run
from mlp_numpy.experiment import Run, load_run

with tempfile.TemporaryDirectory() as folder:
    config = Config(
        lr=0.1,
        batch=100,
        steps=200,
        dataset="ellipse",
        preprocessing="raw",
        hidden=(16,),
        init="kaiming",
        data_dir=f"{folder}/data",
        runs_dir=f"{folder}/runs",
        plots_dir=f"{folder}/plots",
    )
    whole = run(replace(config, name="whole"))
    print(f"whole: {whole.status}, files {', '.join(sorted(path.name for path in whole.folder.iterdir()))}")

    with Run(replace(config, name="parts")) as interrupted:
        for record in interrupted.records():
            if record.step == 60:
                break  # as Ctrl-C does: everything reached is saved
    folder_of_parts = Path(folder, "runs", "parts")
    with Run.resumed(folder_of_parts) as resumed:
        for _ in resumed.records():
            pass
    print(f"parts: interrupted at step {record.step}, then {resumed.result.status if resumed.result else 'lost'}")

    _config, trained = load_run(whole.folder)
    _config, again = load_run(folder_of_parts)
    print(f"accuracy {whole.history.evaluations[-1].accuracy:.3f}")
    state = again.model.state()
    print("equal weights:", all(np.array_equal(array, state[name]) for name, array in trained.model.state().items()))
