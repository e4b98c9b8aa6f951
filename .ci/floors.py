"""The lowest versions that setup.cfg permits, one requirement a line, for ``pip install -r``.

    python .ci/floors.py [EXTRA ...]

Prints the requirements of the package, and of the extras that are named, with ``==`` in place of ``>=``. A requirement
without a version stays as it is, and so does a marker after a semicolon.
"""

from __future__ import annotations

import configparser
import sys
from collections.abc import Sequence
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent / "setup.cfg"


def floors(extras: Sequence[str] = (), setup: Path = SETUP) -> list[str]:
    """The requirements of the package and of ``extras`` in the file ``setup``, pinned to their floors, each once.

    Raises SystemExit for an extra that the file does not have, for a requirement with a condition other than ``>=``,
    and for two floors of one package.
    """
    parser = configparser.ConfigParser()
    parser.read(setup, encoding="utf-8")
    known = parser["options.extras_require"]
    unknown = sorted(set(extras) - set(known))
    if unknown:
        raise SystemExit(f"floors: extras must be of {', '.join(known)}, got {', '.join(unknown)}.")
    texts = [parser["options"]["install_requires"], *(known[extra] for extra in extras)]
    found: dict[str, str] = {}
    markers: dict[str, str] = {}
    for line in (line.strip() for text in texts for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        name, _, version = requirement.partition(">=")
        if not name.replace("-", "").replace("_", "").isalnum() or "," in version:
            raise SystemExit(f"floors: a requirement must be NAME or NAME>=VERSION, got {line!r}.")
        if marker:
            markers[name] = f"; {marker}"
        if found.setdefault(name, version) != version:
            raise SystemExit(f"floors: {name} must have one floor, got {found[name]!r} and {version!r}.")
    pins = {name: f"{name}=={version}" if version else name for name, version in found.items()}
    return [pin + markers.get(name, "") for name, pin in pins.items()]


if __name__ == "__main__":
    print("\n".join(floors(sys.argv[1:])))
