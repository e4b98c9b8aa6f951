"""What kills left behind, and what came of a training that was killed again and again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

AIMS: Final = ("starting", "training", "writing", "renaming", "ending")
"""At what a kill is aimed: while the program starts, at a random moment of the training, while a checkpoint is half
written, when it takes its name, while the results are written at the end."""


@dataclass(frozen=True)
class Kill:
    """One kill, and what it left behind.

    aim        one of AIMS
    step       of the checkpoint from which the run can go on; None if there was none yet
    previous   whether that was the one before the last
    half       whether half-written files were left
    lost       why no checkpoint could be loaded although one had been written, or None
    """

    aim: str
    step: int | None
    previous: bool
    half: bool
    lost: str | None


@dataclass
class CrashReport:
    """What came of it.

    differences   names of what is not the same, bit by bit, as in the undisturbed run
    """

    seed: int
    steps: int
    kills: list[Kill] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    compared: int = 0
    seconds: float = 0.0

    @property
    def failures(self) -> int:
        """Kills that lost every checkpoint, and arrays or records that differ."""
        return sum(kill.lost is not None for kill in self.kills) + len(self.differences)

    def as_json(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return asdict(self) | {"failures": self.failures}

    def __str__(self) -> str:
        lines = [f"{'aimed at':<10}{'kills':>6}{'half files left':>17}{'went on from the one before':>29}{'lost':>6}"]
        for aim in AIMS:
            kills = [kill for kill in self.kills if kill.aim == aim]
            half, previous = sum(kill.half for kill in kills), sum(kill.previous for kill in kills)
            lost = sum(kill.lost is not None for kill in kills)
            lines.append(f"{aim:<10}{len(kills):>6}{half:>17}{previous:>29}{lost:>6}")
        lines += [f"lost: {kill.lost}" for kill in self.kills if kill.lost]
        lines += [f"not the same: {name}" for name in self.differences]
        lines.append(
            f"{len(self.kills)} kills in {self.steps} steps, {len(self.kills)} times resumed, seed {self.seed}, "
            f"{self.seconds:.0f} s: {self.compared} arrays and lists compared bit by bit with the undisturbed run, "
            f"{self.failures} failures"
        )
        return "\n".join(lines)
