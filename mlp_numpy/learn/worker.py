"""The process that runs a learner's file: it answers questions, and judges nothing.

    python worker.py FILE FOLDER N_GRADIENTS SECONDS

FOLDER holds questions.npz, each array named ``number/argument``, with ``number/dout`` last; a number has no axes. For
every question forward is called, and backward twice; what they return is written to answers.npz, and how it went to
answers.json. An error is written there with the line of FILE that it comes from; after SECONDS the process ends itself,
with the stack in stack.txt. It imports NumPy alone, and nothing of the library, so that no answer can reach the judge.
"""

from __future__ import annotations

import faulthandler
import json
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

if sys.platform != "win32":
    import resource

_BYTES = 4 << 30


def answer_within_limits(file: Path, folder: Path, n_gradients: int, seconds: float) -> None:
    """Answer all questions in ``folder``, within limits of time and memory."""
    _limit_memory()
    with (folder / "stack.txt").open("w") as stack:
        faulthandler.enable(stack)
        faulthandler.dump_traceback_later(seconds, exit=True, file=stack)
        answer_all(file, folder, n_gradients)
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()


def answer_all(file: Path, folder: Path, n_gradients: int) -> None:
    """Answer all questions in ``folder``."""
    arrays: dict[str, Any] = {}
    report = _answers(file, folder, n_gradients, arrays)
    np.savez(folder / "answers.npz", **arrays)
    (folder / "answers.json").write_text(json.dumps(report), encoding="utf-8")


def _answers(file: Path, folder: Path, n_gradients: int, arrays: dict[str, Any]) -> dict[str, Any]:
    try:
        module = _loaded(file)
        missing = [name for name in ("forward", "backward") if not callable(getattr(module, name, None))]
    except BaseException as error:
        return {"failed": _told(error, file)}
    if missing:
        return {"missing": missing[0]}
    questions: dict[str, dict[str, Any]] = {}
    with np.load(folder / "questions.npz", allow_pickle=False) as stored:
        for key in stored.files:
            number, name = key.split("/")
            array = stored[key]
            questions.setdefault(number, {})[name] = array if array.ndim or name == "dout" else array.item()
    return {"questions": [_answer(module, file, key, given, n_gradients, arrays) for key, given in questions.items()]}


def _answer(
    module: ModuleType, file: Path, number: str, given: dict[str, Any], n_gradients: int, arrays: dict[str, Any]
) -> dict[str, Any]:
    """One question, answered into ``arrays``; returns how it went."""
    dout = given.pop("dout")
    dout = dout if dout.ndim else dout[()]
    before = {name: np.copy(value) for name, value in {**given, "dout": dout}.items()}
    second: dict[str, Any] = {}
    try:
        _store(arrays, f"{number}/out", module.forward(**given))
        kinds = _store_all(arrays, number, module.backward(dout, **given), n_gradients)
        changed = [name for name, old in before.items() if not _same(old, dout if name == "dout" else given[name])]
        kinds_again = _store_all(second, number, module.backward(dout, **given), n_gradients)
    except BaseException as error:
        return {"failed": _told(error, file)}
    steady = kinds == kinds_again and all(_same(arrays[key], second[key]) for key in second)
    line = _writing_line(module, file, before) if changed else None
    return {"kinds": kinds, "changed": changed, "line": line, "steady": bool(steady or changed)}


def _writing_line(module: ModuleType, file: Path, given: dict[str, Any]) -> int | None:
    """The line that fails if no argument can be written into."""
    arguments = {name: np.array(value) if value.ndim else value.item() for name, value in given.items()}
    for value in arguments.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    dout = arguments.pop("dout")
    try:
        module.forward(**arguments)
        module.backward(dout, **arguments)
    except ValueError as error:
        line: int | None = _told(error, file)["line"]
        return line
    except BaseException:
        return None
    return None


def _store_all(arrays: dict[str, Any], number: str, found: Any, n_gradients: int) -> list[str]:
    """Keep what backward returned; the kind of each."""
    several = isinstance(found, tuple) or (n_gradients > 1 and isinstance(found, list))
    return [_store(arrays, f"{number}/{i}", each) for i, each in enumerate(found if several else [found])]


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


def _store(arrays: dict[str, Any], key: str, value: Any) -> str:
    """Keep a returned value as an array of real numbers, or name what it is instead."""
    if value is None:
        return "None"
    try:
        array = np.array(value)
    except Exception:  # rows of different lengths, or any exception of a foreign class
        return f"a {type(value).__name__} that makes no array"
    if array.dtype.kind not in "fiub":
        return f"an object of type {type(value).__name__}" if array.dtype.kind == "O" else f"an array of {array.dtype}"
    arrays[key] = array
    return "array"


def _loaded(file: Path) -> ModuleType:
    """The learner's file as a module; files beside it can be imported from it."""
    sys.path.insert(0, str(file.parent))
    module = ModuleType(file.stem)
    module.__file__ = str(file)
    sys.modules[file.stem] = module
    exec(compile(file.read_bytes(), file.name, "exec"), vars(module))
    return module


def _told(error: BaseException, file: Path) -> dict[str, Any]:
    """The error in JSON types, with the last line of the learner's file that it passed."""
    if isinstance(error, SyntaxError) and error.filename == file.name:
        line, text, message = error.lineno, error.text, error.msg
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file.name]
        line = frames[-1].lineno if frames else None
        text, message = None, str(error)
    if line is not None and text is None:
        lines = file.read_bytes().decode("utf-8", "replace").splitlines()
        text = lines[line - 1] if 0 < line <= len(lines) else ""
    return {"type": type(error).__name__, "message": message, "line": line, "text": (text or "").strip()}


def _limit_memory() -> None:
    """Refuse memory beyond 4 GiB, and files beyond 64 MB, where the system can."""
    if sys.platform == "win32":
        return
    for kind, most in ((resource.RLIMIT_AS, _BYTES), (resource.RLIMIT_FSIZE, 64 << 20)):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    answer_within_limits(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
