"""The chores of the project, each in a virtual environment of its own.

    pip install -e '.[dev]'
    nox                      lint and tests with Python 3.11
    nox --list               all sessions
    nox -s tests             tests with Python 3.11, 3.12 and 3.13; a version that is not found is skipped
    nox -s tests-3.11 -- tests/modules -k silu

What follows ``--`` goes to pytest.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "tests-3.11"]

DOCS_TESTS = [f"tests/laws/test_docs_{name}.py" for name in ("blocks", "reference", "site", "tape")]


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the tests."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the tests that take more than a second or so, which the others leave out."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-m", "slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and types."""
    session.install("-e", ".[test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "--strict", "mlp_numpy")


@nox.session
def examples(session: nox.Session) -> None:
    """Run the examples and check what they print."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "1", "-m", "", "tests/laws/test_examples.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site in build/site, and check its links, its tables and the programs of its pages."""
    session.install("-e", ".[docs,test]")
    session.run("sphinx-build", "-n", "-W", "--keep-going", "-d", "build/trees", "docs", "build/site")
    session.run("python", "-m", "pytest", "-m", "", *session.posargs or DOCS_TESTS)


@nox.session
def package(session: nox.Session) -> None:
    """Build the sdist and the wheel from it; install each elsewhere, run it there, and measure the installation."""
    session.install("build")
    root = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder)
        session.chdir(folder)
        for file in sorted(Path(folder).glob("mlp_numpy-*")):
            place = Path(folder, f"installed-{file.suffix}")
            session.run("python", "-m", "venv", str(place))
            session.run(str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", str(file), external=True)
            session.run(str(place / "bin" / "python"), str(root / ".ci" / "installed.py"), external=True)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that setup.cfg permits, on the lowest Python."""
    pinned = session.run("python", ".ci/floors.py", "test", silent=True)
    session.install(*str(pinned).splitlines())
    session.install("-e", ".", "--no-deps")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure the statements and branches that the tests run, in the processes that they start too."""
    session.install("-e", ".[test,dev]")
    with tempfile.TemporaryDirectory() as folder:
        session.env["COVERAGE_FILE"] = str(Path(folder, "coverage"))
        # 1 is a failed test. Whether tests pass is the matter of the session of that name: here, one that fills a disk
        # or counts files meets those of coverage itself.
        session.run("coverage", "run", "-m", "pytest", "-m", "", *session.posargs, success_codes=[0, 1])
        session.run("coverage", "combine", "--quiet", folder)
        session.run("coverage", "report", "--skip-covered", "--show-missing")
