"""Mutation testing: small random faults put into the library, one at a time, and whether the test suite sees them.

    python tests/mutation.py --count 250 --seed 0 [--by-place]

Each mutant is one changed expression or statement of a room. The tests that run the changed line are known from a
coverage run of the whole suite; they are run, those of the same file and then the most specific ones first, until one
fails. Mutants that no test sees are printed as a diff: each is a hole in the tests, or changes nothing that a test can
see. Those of the second kind are in ``EQUIVALENTS`` with a proof; they are printed, and do not count. Nor do mutants
whose tests take too long: they may be endless, or the machine busy.

The suite itself does not run this: a few hundred mutants take half an hour, the coverage run longer.
It needs pytest-cov. With ``--by-place`` there is no coverage run: the tests of the file, those of its room, and then
all but the slow ones are run, until one fails.
"""

from __future__ import annotations

import argparse
import ast
import collections
import concurrent.futures
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("modules", "optim", "training", "data", "autodiff")
COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
CALCULATED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.MatMult: ast.Mult,
}  # fmt: skip
SECONDS = 300
TIMEOUT = "no answer within the time"
FIRST = 80
"""So many of the most specific tests are tried before all the others that run the line."""


class Equivalent(NamedTuple):
    """A mutant of a file's ``line`` by its text, and why it computes the same."""

    path: str
    line: str
    new: str
    proof: str


EQUIVALENTS = (
    Equivalent(
        "mlp_numpy/modules/normal_cdf.py", "if t < 3:", "(t <= 3)", "3 is none of the points of the two polynomials"
    ),
    Equivalent(
        "mlp_numpy/modules/reshape.py",
        "return x.reshape(len(x), -1)",
        "(2)",
        "NumPy infers a size for any negative one",
    ),
    Equivalent(
        "mlp_numpy/data/idx.py",
        "surplus = file.read(1)  # nothing if fewer were read: that was the end",
        "(2)",
        "what is asked is only whether there is a byte",
    ),
    Equivalent(
        "mlp_numpy/modules/windows.py",
        "if pixels.start < pixels.stop:",
        "(pixels.start <= pixels.stop)",
        "an empty slice has no pixel to read or to add to",
    ),
    Equivalent(
        "mlp_numpy/diagnose/rules.py",
        "if ratio > 1:",
        "(ratio >= 1)",
        "a ratio of 1 is ok, and what is ok has no advice",
    ),
    *(
        Equivalent(path, line, new, "the size of pieces of one result, none of which depends on another")
        for path, line, new in (
            ("mlp_numpy/data/preprocessing.py", "_ROWS = 50", "(51)"),
            ("mlp_numpy/data/columns.py", "_BLOCK: Final = 4096", "(4097)"),
            ("mlp_numpy/data/table_files.py", "_ROWS: Final = 20_000", "(20001)"),
            ("mlp_numpy/data/csv_file.py", "_PIECE: Final = 1 << 20", "(2)"),
            ("mlp_numpy/data/csv_file.py", "_PIECE: Final = 1 << 20", "(21)"),
            ("mlp_numpy/data/images.py", "_STRIP: Final = 500_000", "(500001)"),
        )
    ),
)


@dataclass(frozen=True)
class Mutant:
    """``new`` in place of ``old`` at bytes ``start`` to ``end`` of a file; ``kind`` is the operator that made it."""

    path: str
    kind: str
    line: int
    last_line: int
    start: int
    end: int
    old: str
    new: str

    def source(self) -> bytes:
        text = (ROOT / self.path).read_bytes()
        return text[: self.start] + self.new.encode() + text[self.end :]

    def proof(self) -> str | None:
        """Why the mutant is equivalent, or None if it is not known to be."""
        line = (ROOT / self.path).read_text(encoding="utf-8").splitlines()[self.line - 1].strip()
        return next((each.proof for each in EQUIVALENTS if each[:3] == (self.path, line, self.new)), None)

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.kind}\n    - {self.old}\n    + {self.new}"


def mutants_of(path: Path) -> list[Mutant]:
    """All mutants of a file, operator by operator."""
    text = path.read_bytes()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, kind, new in _changes(ast.parse(text)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        old = text[start:end].decode()
        if old != new:
            name = str(path.relative_to(ROOT))
            found.append(Mutant(name, kind, node.lineno, node.end_lineno, start, end, old, new))
    return found


def _changes(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    """Every node that an operator applies to, and the text that takes its place; annotations and texts are left out."""
    for node in _code(tree):
        if isinstance(node, ast.Compare):
            for i, operator in enumerate(node.ops):
                if type(operator) in COMPARED:
                    ops = [*node.ops[:i], COMPARED[type(operator)](), *node.ops[i + 1 :]]
                    yield node, "comparison", f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})"
        elif isinstance(node, ast.BinOp) and type(node.op) in CALCULATED:
            new = ast.BinOp(node.left, CALCULATED[type(node.op)](), node.right)
            yield node, "operator", f"({ast.unparse(ast.fix_missing_locations(new))})"
        elif isinstance(node, ast.AugAssign) and type(node.op) in CALCULATED:
            new_statement = ast.AugAssign(node.target, CALCULATED[type(node.op)](), node.value)
            yield node, "operator", ast.unparse(ast.fix_missing_locations(new_statement))
            yield node, "removed statement", "pass"
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node, "constant", f"({node.value + 1!r})"
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield node, "constant", repr(not node.value)
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            yield node.test, "negated condition", f"(not ({ast.unparse(node.test)}))"
        elif isinstance(node, ast.BoolOp):
            other = ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            yield node, "and for or", f"({ast.unparse(other)})"
        elif isinstance(node, ast.Raise):
            yield node, "removed raise", "pass"
        elif _is_effect(node):
            yield node, "removed statement", "pass"
        elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
            yield node, "return None", "return None"
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in ("out", "dtype", "copy", "where"):
                    rest = [other for other in node.keywords if other is not keyword]
                    yield node, f"dropped {keyword.arg}=", ast.unparse(ast.Call(node.func, node.args, rest))


def _is_effect(node: ast.AST) -> bool:
    """Whether a statement is there for its effect alone: a call, or an assignment to an element or an attribute."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant | ast.Yield | ast.YieldFrom)
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript | ast.Attribute)


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below ``node`` that are computed: no annotations, no docstrings, no pieces of messages."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield child
                yield from _code(child)


def lines_to_tests(folder: Path) -> tuple[dict[str, dict[int, set[str]]], collections.Counter[str]]:
    """Which tests run which line of which file, from a coverage run of the suite; and how many lines a test runs."""
    data = folder / "coverage.json"
    if not data.exists():
        environment = os.environ | {"COVERAGE_FILE": str(folder / ".coverage")}
        plain = folder / "coverage.ini"  # lines alone, and not those that other processes run
        plain.write_text("[run]\n")
        coverage = ["--cov=mlp_numpy", f"--cov-config={plain}", "--cov-context=test", "--cov-report="]
        results = folder / "results.xml"
        command = ["pytest", "-q", "-m", "", "-p", "no:cacheprovider", f"--junitxml={results}", *coverage]
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=False)
        report = ["coverage", "json", "--show-contexts", "-o", str(data), "-q"]
        subprocess.run([sys.executable, "-m", *report], cwd=ROOT, env=environment, check=True)
    failed = failed_tests(folder / "results.xml")
    print(f"{len(failed)} tests fail without a mutant and are left out", flush=True)
    tests: dict[str, dict[int, set[str]]] = {}
    sizes: collections.Counter[str] = collections.Counter()
    for path, file in json.loads(data.read_text())["files"].items():
        contexts = file["contexts"].items()
        tests[path] = {int(line): {name.split("|")[0] for name in names if name} - failed for line, names in contexts}
        for names in tests[path].values():
            sizes.update(names)
    return tests, sizes


def failed_tests(results: Path) -> set[str]:
    """The node ids of the tests that failed: one that measures time may do so on a busy machine."""
    failed = set()
    for case in ElementTree.parse(results).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(f"{case.attrib['classname'].replace('.', '/')}.py::{case.attrib['name']}")
    return failed


def tests_of(path: str) -> str:
    """Where the tests of a file of the package lie, which are tried first."""
    room = Path("tests", *Path(path).parts[1:])
    return f"{room.with_name(f'test_{room.name}')}::"


def survives(mutant: Mutant, tests: list[str], tree: Path) -> str | None:
    """None if a test fails with the mutant in place, or what became of it."""
    if not tests:
        return "no test runs the line"
    target = tree / mutant.path
    target.write_bytes(mutant.source())
    try:
        for part in (tests[:FIRST], tests[FIRST:]):
            # node ids by file: the ids of a hypothesis or parametrized test may be longer than a command line
            ids = tree / "ids.txt"
            ids.write_text("\n".join(part))
            command = ["pytest", "-x", "-q", "-m", "", "-n", "0", "-p", "no:cacheprovider", f"@{ids}"]
            try:
                environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
                run = subprocess.run(
                    [sys.executable, "-m", *command], cwd=tree, env=environment, timeout=SECONDS, capture_output=True
                )
            except subprocess.TimeoutExpired:
                return TIMEOUT
            if run.returncode not in (0, 5):
                return None
            if len(tests) <= FIRST:
                break
        return f"{len(tests)} tests pass"
    finally:
        shutil.copyfile(ROOT / mutant.path, target)


def survives_all(mutant: Mutant, tree: Path) -> str | None:
    """As ``survives``, with the tests of the file, of its room, and all but the slow ones, one after the other."""
    target, own = tree / mutant.path, tests_of(mutant.path).removesuffix("::")
    target.write_bytes(mutant.source())
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        for place in filter(lambda place: (tree / place).exists(), (own, str(Path(own).parent), "tests")):
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", place]
            command += ["-n", "0"] if place == own else []
            try:
                run = subprocess.run(command, cwd=tree, env=environment, timeout=2 * SECONDS, capture_output=True)
            except subprocess.TimeoutExpired:
                return TIMEOUT
            if run.returncode not in (0, 5):
                return None
        return "all but the slow tests pass"
    finally:
        shutil.copyfile(ROOT / mutant.path, target)


def main() -> int:
    """Make the mutants, try them, print those that survive and a table by room; exit status 1 below ``--least``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rooms", nargs="*", default=ROOMS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--least", type=float, default=0.95)
    parser.add_argument("--coverage", type=Path, help="folder that keeps the coverage run for the next call")
    parser.add_argument("--by-place", action="store_true", help="no coverage run: the tests of the file, the room, all")
    options = parser.parse_args()
    paths = sorted(path for room in options.rooms for path in (ROOT / "mlp_numpy" / room).rglob("*.py"))
    everything = [mutant for path in paths for mutant in mutants_of(path)]
    chosen = random.Random(options.seed).sample(everything, min(options.count, len(everything)))
    print(f"{len(chosen)} of {len(everything)} mutants of {len(paths)} files", flush=True)
    with tempfile.TemporaryDirectory() as made:
        folder = options.coverage or Path(made)
        folder.mkdir(exist_ok=True, parents=True)
        tests, sizes = ({}, collections.Counter()) if options.by_place else lines_to_tests(folder)
        trees = [Path(made) / f"tree{job}" for job in range(options.jobs)]
        for tree in trees:
            ignored = shutil.ignore_patterns(".git", ".venv", "runs", "data", "__pycache__", "*_cache")
            shutil.copytree(ROOT, tree, ignore=ignored)
            shutil.copytree(ROOT / "mlp_numpy" / "data", tree / "mlp_numpy" / "data", dirs_exist_ok=True)
            shutil.copytree(ROOT / "tests" / "data", tree / "tests" / "data", dirs_exist_ok=True)

        def attempt(job: int) -> list[tuple[Mutant, str | None]]:
            found = []
            for mutant in chosen[job :: options.jobs]:
                if proof := mutant.proof():
                    print(f"EQUIVALENT ({proof}) {mutant}", flush=True)
                    continue
                if options.by_place:
                    outcome = survives_all(mutant, trees[job])
                    if outcome:
                        print(f"SURVIVES ({outcome}) {mutant}", flush=True)
                    if outcome != TIMEOUT:
                        found.append((mutant, outcome))
                    continue
                lines = tests.get(mutant.path, {})
                if not any(lines.get(line) for line in range(mutant.line, mutant.last_line + 1)):
                    # run once, at import: it may matter to whatever runs any line of the file
                    lines = {mutant.line: set().union(*lines.values())}
                names = {name for line in range(mutant.line, mutant.last_line + 1) for name in lines.get(line, ())}
                own = tests_of(mutant.path)
                order = sorted(names, key=lambda name: (not name.startswith(own), sizes[name], name))
                outcome = survives(mutant, order, trees[job])
                if outcome:
                    print(f"SURVIVES ({outcome}) {mutant}", flush=True)
                if outcome != TIMEOUT:
                    found.append((mutant, outcome))
            return found

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = [result for found in pool.map(attempt, range(options.jobs)) for result in found]
    for label, key in (("room", lambda m: m.path.split("/")[1]), ("kind", lambda m: m.kind)):
        total = collections.Counter(key(mutant) for mutant, _ in results)
        killed = collections.Counter(key(mutant) for mutant, outcome in results if outcome is None)
        print(f"by {label}: " + ", ".join(f"{name} {killed[name]} of {n}" for name, n in sorted(total.items())))
    n_killed = sum(outcome is None for _, outcome in results)
    print(f"{n_killed} of {len(results)} killed, {n_killed / len(results):.1%}")
    return 0 if n_killed >= options.least * len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
