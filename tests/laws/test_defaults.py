"""Defaults and limits: what a call does that leaves an argument out, and how much is read."""

from __future__ import annotations

import json

from defaults_table import KEPT, defaults, limits

HINT = "if that is meant, say so in the CHANGELOG and run `python tests/defaults_table.py`"


def test_every_default_is_the_one_that_programs_count_on() -> None:
    kept, found = json.loads(KEPT.read_text(encoding="utf-8"))["defaults"], defaults()
    changed = {
        f"{name}({argument}={default})": found.get(name, {}).get(argument, "none")
        for name, arguments in kept.items()
        for argument, default in arguments.items()
        if found.get(name, {}).get(argument) != default
    }
    assert not changed, HINT
    assert found == kept, f"new defaults are not in {KEPT.name}: {HINT}"


def test_every_limit_is_the_one_that_files_were_written_for() -> None:
    assert limits() == json.loads(KEPT.read_text(encoding="utf-8"))["limits"], HINT
