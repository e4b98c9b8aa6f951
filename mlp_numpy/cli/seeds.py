"""``train --seeds 0,1,2``: one experiment with several seeds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mlp_numpy.cli.console import DIVERGED, complain, on_terminal
from mlp_numpy.cli.follow import follow_to_its_end
from mlp_numpy.cli.formatting import seeds_table
from mlp_numpy.config import Config
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.experiment import Run, open_run, seed_configs, summarize_seeds


def parse_seeds(options: Sequence[str]) -> tuple[list[int] | None, bool, Sequence[str]]:
    """What stands behind ``--seeds``, whether ``--go-on`` is there, and the other options."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--seeds")
    finder.add_argument("--go-on", action="store_true")
    try:
        found, others = finder.parse_known_args(options)
    except argparse.ArgumentError as error:
        raise OptionError("--seeds: must be followed by whole numbers ≥ 0 such as 0,1,2.") from error
    if found.seeds is None:
        if found.go_on:
            raise OptionError("--go-on: must come with --seeds. Hint: --resume RUN goes on with a single run.")
        return None, False, others
    if any(word == "--seed" or word.startswith("--seed=") for word in others):
        raise OptionError("--seeds: must come without --seed, got both.")
    try:
        seeds = [int(word) for word in found.seeds.split(",")]
    except ValueError as error:
        raise OptionError(f"--seeds: must be whole numbers such as 0,1,2, got {found.seeds!r}.") from error
    return seeds, found.go_on, others


def train_seeds(settings: Config, seeds: Sequence[int], *, go_on: bool) -> int:
    """Follow the run of each seed, and tell what they say together; one that diverges does not stop the others."""
    configs = seed_configs(settings, seeds, go_on=go_on)
    status = 0
    for config in configs:
        found = open_run(config, go_on=go_on, progress=on_terminal())
        if not isinstance(found, Run):
            print(f"{config.name} was {found.about['status']} earlier", flush=True)
            continue
        try:
            stopped = follow_to_its_end(found)
        except NonFiniteError as error:
            complain(str(error))
            stopped, status = 0, DIVERGED
        if stopped:
            name = config.name.removesuffix(f"-seed-{config.seed}")
            print(f"the same command with --name {name} --go-on goes on from here")
            return stopped
        print(flush=True)
    found_together = summarize_seeds(configs)
    figures = {name: (each.values, each.mean, each.std) for name, each in found_together.figures.items()}
    print(seeds_table(found_together.status, figures, found_together.part))
    print(f"runs    {found_together.file}")
    if found_together.picture is not None:
        print(f"picture {found_together.picture}")
    return status
