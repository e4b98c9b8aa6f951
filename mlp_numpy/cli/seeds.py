"""``train --seeds 0,1,2``: one experiment with several seeds."""

from __future__ import annotations

from collections.abc import Sequence

from mlp_numpy.cli.console import DIVERGED, complain, on_terminal
from mlp_numpy.cli.follow import follow
from mlp_numpy.cli.formatting import seeds_table
from mlp_numpy.config import Config
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.experiment import Run, open_run, seed_configs, summarize_seeds


def parse_seeds(words: str | None, resume: bool, options: set[str]) -> list[int] | None:
    """Parse ``--seeds``; None without it. ``options`` are the names of all given options.

    Raises OptionError unless they are integers, for ``--continue`` without seeds, and for ``--seed`` with them.
    """
    if words is None:
        if resume:
            raise OptionError("--continue: must come with --seeds. Hint: --resume RUN resumes a single run.")
        return None
    if "--seed" in options:
        raise OptionError("--seeds: must come without --seed, got both.")
    try:
        return [int(word) for word in words.split(",")]
    except ValueError as error:
        raise OptionError(f"--seeds: must be integers such as 0,1,2, got {words!r}.") from error


def train_seeds(settings: Config, seeds: Sequence[int], *, resume: bool) -> int:
    """Train each seed and print a summary; a diverged run does not stop the others."""
    configs = seed_configs(settings, seeds, go_on=resume)
    status = 0
    for config in configs:
        found = open_run(config, go_on=resume, progress=on_terminal())
        if not isinstance(found, Run):
            print(f"{config.name}: skipped, already {found.info.status}", flush=True)
            continue
        try:
            stopped = follow(found)
        except NonFiniteError as error:
            complain(str(error))
            stopped, status = 0, DIVERGED
        if stopped:
            name = config.name.removesuffix(f"-seed-{config.seed}")
            print(f"to resume, repeat the command with --name {name} --continue")
            return stopped
        print(flush=True)
    found_together = summarize_seeds(configs)
    figures = {name: (each.values, each.mean, each.std) for name, each in found_together.figures.items()}
    print(seeds_table(found_together.status, figures, found_together.part))
    print(f"runs    {found_together.file}")
    if found_together.picture is not None:
        print(f"figure  {found_together.picture}")
    return status
