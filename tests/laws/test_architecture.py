"""The house has floors, and imports go down the stairs only. This reads every import and checks it."""

from __future__ import annotations

import ast
import functools
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import mlp_numpy

HOUSE = Path(mlp_numpy.__file__).parent
TESTS = Path(__file__).parents[1]
FLOORS = [
    {"errors", "checks", "arrays", "blas", "atomic_io", "system_info", "numeric_diff"},
    {"parallel"},
    {"data"},
    {"autodiff"},
    {"modules"},
    {"models", "gradcheck", "optim", "explain"},
    {"exchange"},
    {"training", "config", "interpret"},
    {"viz", "tracking", "estimators"},
    {"experiment"},
    {"checking", "diagnose", "search"},
    {"recipes", "learn", "report"},
    {"cli", "browser"},
    {"__main__"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# On the ground floor, arrays stand on checks and errors; elsewhere rooms on one floor do not see each other.
GROUND = {
    *(("checks", "errors"), ("arrays", "checks"), ("arrays", "errors"), ("blas", "arrays")),
    *(("system_info", "blas"), ("numeric_diff", "arrays")),
}
FILES = sorted(HOUSE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(tree_of(path)))


def imports(path: Path) -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append((node.module or "", node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "import_module":
            found += [(argument.value, node) for argument in node.args if isinstance(argument, ast.Constant)]
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in FILES} - {"__init__"}
    assert rooms == set(FLOOR_OF)


def test_the_readme_shows_these_floors() -> None:
    readme = (TESTS.parent / "README.md").read_text(encoding="utf-8")
    (house,) = [block for block in readme.split("```") if block.startswith("\ncli ")]
    shown = [set(line[:62].split()) for line in house.strip().splitlines()]
    assert shown[::-1] == FLOORS[:-1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_go_down_the_stairs_only(path: Path) -> None:
    room = room_of(path)
    for name, _ in imports(path):
        if not name.startswith("mlp_numpy."):
            continue
        other = name.split(".")[1]
        if room in ("__init__", other):
            continue
        below = FLOOR_OF[other] < FLOOR_OF[room] or (room, other) in GROUND
        assert below, f"{path.name} (floor {FLOOR_OF[room]}) imports {name} (floor {FLOOR_OF[other]})"


def test_no_circle_of_files() -> None:
    """Imports of every kind count: within functions, under TYPE_CHECKING, and by ``import_module``."""
    file_of = {".".join(path.relative_to(HOUSE.parent).with_suffix("").parts): path for path in FILES}
    file_of = {name.removesuffix(".__init__"): path for name, path in file_of.items()}
    stands_on: dict[str, set[str]] = {name: set() for name in file_of}
    for name, path in file_of.items():
        for imported, node in imports(path):
            # from a package either a file of it is imported, or a name of its __init__
            names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else [""]
            files = {f"{imported}.{part}" if f"{imported}.{part}" in file_of else imported for part in names}
            stands_on[name] |= files & file_of.keys()
    assert stands_on["mlp_numpy.autodiff.walk"] == {
        f"mlp_numpy.{name}" for name in ("arrays", "autodiff.node", "errors")
    }
    tuple(graphlib.TopologicalSorter(stands_on).static_order())  # CycleError names the files of a circle


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_house_rules(path: Path) -> None:
    assert ast.get_docstring(tree_of(path)), f"{path}: a file begins by saying what it is for"
    for function in nodes_of(path):
        if isinstance(function, ast.FunctionDef):
            inside = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            names = {alias.name.split(".")[0] for node in inside for alias in node.names}
            # the one exception: the library of an extra
            extras = {"torchvision", "datasets", "torch", "scipy", "safetensors", "tensorboardX", "onnx", "onnxruntime"}
            extras |= {"mlflow", "alembic", "sqlalchemy", "wandb", "pyarrow", "mpi4py", "distributed"}
            assert names <= extras | {"joblib", "model_selection"}, f"{path}: {function.name} imports {names}"
    for node in nodes_of(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            # scikit-learn's ``verbose`` prints
            speaks = room_of(path) == "cli" or path.match("estimators/base.py")
            assert node.func.id != "print" or speaks, f"{path}: print outside the command line"
        if isinstance(node, ast.Assert):
            pytest.fail(f"{path}:{node.lineno}: assert is for tests, users get errors")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "random":
            allowed = {"default_rng", "Generator", "Philox", "SeedSequence"}
            assert node.attr in allowed, f"{path}:{node.lineno}: legacy np.random.{node.attr}"
    drawing = [name for name, _ in imports(path) if name.split(".")[0] == "matplotlib"]
    assert not drawing or room_of(path) == "viz", f"{path}: matplotlib outside viz.py"
    assert not any("pyplot" in name for name in drawing), f"{path}: pyplot needs a display"


def test_tests_lie_where_the_file_they_test_lies() -> None:
    """``tests/X/test_Y.py`` is about ``mlp_numpy/X/Y.py`` or the package ``mlp_numpy/X/Y``; tests/laws/, the rest."""
    for path in TESTS.rglob("test_*.py"):
        if path.parent != TESTS / "laws":
            tested = HOUSE / path.relative_to(TESTS).with_name(path.stem.removeprefix("test_"))
            found = tested.with_suffix(".py").is_file() or (tested / "__init__.py").is_file()
            assert found, f"{path}: there is no mlp_numpy/{tested.relative_to(HOUSE)}.py"
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*.py")} - {Path("laws"), Path("golden")}
    assert all((HOUSE / folder / "__init__.py").is_file() for folder in folders), folders


def test_importing_the_library_is_light() -> None:
    heavy = ("sklearn", "pandas", "matplotlib", "torch", "pooch", "tqdm", "scipy", "PIL", "requests")
    script = f"import sys, mlp_numpy; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_public_name_has_one_meaning() -> None:
    one_meaning = {
        # every module of a data set answers to the same names
        *("find", "load", "generate", "FOLDER", "FORMS", "SIZES", "SHA256", "BINARY_ARCHIVE", "PYTHON_ARCHIVE"),
        # the version of a file's format
        "FORMAT",
        # the tape has the names of vugrad
        *("Linear", "Module"),
    }
    where: dict[str, set[str]] = {}
    for path in FILES:
        # each loop has the name of its formula, and each exercise a forward and a backward
        if {"loops", "exercises"} & set(path.parts):
            continue
        for node in tree_of(path).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
            for name in [*names, *(target.id for target in targets if isinstance(target, ast.Name))]:
                if not name.startswith("_"):
                    where.setdefault(name, set()).add(str(path.relative_to(HOUSE)))
    twice = {name: sorted(files) for name, files in where.items() if len(files) > 1 and name not in one_meaning}
    assert twice == {}
