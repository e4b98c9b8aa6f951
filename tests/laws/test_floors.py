"""The helper that pins the floors of setup.cfg, for the check with the lowest versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "floors.py"
SETUP = """
[options]
install_requires =
    # arrays
    numpy>=2.2
[options.extras_require]
test =
    pytest>=8.2
    numpy>=2.2
    types-tqdm
    mpich>=4.3; sys_platform != "win32"
odd =
    numpy>=2.0
bounded =
    numpy>=2.2,<3
"""


def floors(*extras: str, setup: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script itself, or its function on another file."""
    call = [str(SCRIPT), *extras]
    if setup is not None:
        program = "import runpy, sys, pathlib\nf = runpy.run_path(sys.argv[1])['floors']\n"
        call = ["-c", f"{program}print(*f(sys.argv[3:], pathlib.Path(sys.argv[2])))", str(SCRIPT), str(setup), *extras]
    return subprocess.run([sys.executable, *call], capture_output=True, text=True, check=False)


def test_every_floor_of_the_project_is_pinned() -> None:
    done = floors("test")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert {"numpy", "matplotlib", "pillow", "tyro", "pytest"} <= set(names)
    assert len(set(names)) == len(names)
    # only what the type checker needs has no floor: these follow the libraries that they describe
    assert all(name.startswith("types-") for name, line in zip(names, lines, strict=True) if "==" not in line)


def test_requirements_become_pins_once(tmp_path: Path) -> None:
    setup = tmp_path / "setup.cfg"
    setup.write_text(SETUP, encoding="utf-8")
    assert floors(setup=setup).stdout.split() == ["numpy==2.2"]
    pins = 'numpy==2.2 pytest==8.2 types-tqdm mpich==4.3; sys_platform != "win32"\n'
    assert floors("test", setup=setup).stdout == pins


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("none", "floors: extras must be of test, odd, bounded, got none."),
        ("odd", "floors: numpy must have one floor, got '2.2' and '2.0'."),
        ("bounded", "floors: a requirement must be NAME or NAME>=VERSION, got 'numpy>=2.2,<3'."),
    ],
)
def test_what_cannot_be_pinned_is_named(tmp_path: Path, extra: str, said: str) -> None:
    setup = tmp_path / "setup.cfg"
    setup.write_text(SETUP, encoding="utf-8")
    done = floors(extra, setup=setup)
    assert done.returncode != 0
    assert said in done.stderr
