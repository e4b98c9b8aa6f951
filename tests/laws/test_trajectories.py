"""Every optimizer against what PyTorch's made of a thousand steps, frozen in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from optim_table import TABLE, Variant, follow

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "optimizers.json").read_text(encoding="utf-8"))


def test_every_variant_is_frozen() -> None:
    assert list(GOLDEN["trajectories"]) == [str(variant) for variant in TABLE]


@pytest.mark.parametrize("variant", TABLE, ids=str)
@pytest.mark.slow
def test_a_thousand_steps_are_those_that_pytorch_made(variant: Variant) -> None:
    found = follow(variant.make, 1000)
    for step, theirs in GOLDEN["trajectories"][str(variant)].items():
        ours = found[int(step)][::4]
        assert np.linalg.norm(ours - theirs) <= 1e-12 * np.linalg.norm(theirs), f"step {step}"
