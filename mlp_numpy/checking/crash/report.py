"""The report of a crash test."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

AIMS: Final = ("starting", "training", "writing", "renaming", "ending")
"""The phase at which a kill is aimed: start of the program, a random moment of the training, a half-written checkpoint,
the renaming of a checkpoint, the writing of the final results."""


@dataclass(frozen=True)
class Kill:
    """One kill and its consequences.

    aim        one of AIMS
    step       step of the checkpoint from which the run can resume; None if there was none yet
    previous   True if that is the previous checkpoint instead of the last
    half       True if partial files were left
    lost       error of loading a checkpoint although one had been written, or None
    """

    aim: str
    step: int | None
    previous: bool
    half: bool
    lost: str | None


@dataclass
class CrashReport:
    """The result of a crash test.

    differences   names of the results that differ from the uninterrupted run's
    """

    seed: int
    steps: int
    kills: list[Kill] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    compared: int = 0
    seconds: float = 0.0

    @property
    def failures(self) -> int:
        """The number of kills that lost every checkpoint, plus that of differing arrays and records."""
        return sum(kill.lost is not None for kill in self.kills) + len(self.differences)

    def as_json(self) -> dict[str, Any]:
        """The report in JSON types."""
        return asdict(self) | {"failures": self.failures}

    def __str__(self) -> str:
        lines = [f"{'aimed at':<10}{'kills':>6}{'partial files':>17}{'resumed from previous':>29}{'lost':>6}"]
        for aim in AIMS:
            kills = [kill for kill in self.kills if kill.aim == aim]
            half, previous = sum(kill.half for kill in kills), sum(kill.previous for kill in kills)
            lost = sum(kill.lost is not None for kill in kills)
            lines.append(f"{aim:<10}{len(kills):>6}{half:>17}{previous:>29}{lost:>6}")
        lines += [f"lost: {kill.lost}" for kill in self.kills if kill.lost]
        lines += [f"not the same: {name}" for name in self.differences]
        lines.append(
            f"{len(self.kills)} kills in {self.steps} steps, {len(self.kills)} times resumed, seed {self.seed}, "
            f"{self.seconds:.0f} s: {self.compared} arrays and lists compared bit by bit with the uninterrupted run, "
            f"{self.failures} failures"
        )
        return "\n".join(lines)
