"""Make optimizers.json: the trajectories of PyTorch's optimizers on the problem of optim_table.py, in float64.

    PYTHONPATH=.:tests python tests/golden/make_optimizers.py

Every fourth of the 42 parameters, weights first, after 1, 2, 10, 100 and 1000 steps, for each row of the table.
Those of Muon end with the 10th step: an orthogonalized gradient near 0 has a direction that rounding decides.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from optim_table import TABLE, follow_pytorch

from mlp_numpy import Muon

STEPS = (1, 2, 10, 100, 1000)


def main() -> None:
    """Write the file beside this one."""
    rows = {}
    for variant in TABLE:
        steps = STEPS[:3] if variant.kind is Muon else STEPS
        found = follow_pytorch(torch, variant, steps[-1])
        rows[str(variant)] = {str(step): found[step][::4].tolist() for step in steps}
    lines = [f" {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
    text = f'{{"torch": "{torch.__version__}",\n"trajectories": {{\n' + ",\n".join(lines) + "\n}}\n"
    Path(__file__).with_name("optimizers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
