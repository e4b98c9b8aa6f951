"""What an import brings: NumPy and threadpoolctl alone, and no thread, process or signal, as WebAssembly demands."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import _thread, json, os, signal, sys
import numpy.random
handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
touched = []

def refused(name):
    def call(*args, **options):
        touched.append(name)
        raise RuntimeError(name)
    return call

_thread.start_new_thread = refused("thread")
for name in ("fork", "forkpty", "posix_spawn", "system", "execv", "register_at_fork"):
    setattr(os, name, refused(name))
signal.signal = refused("signal")
before = set(sys.modules)
import {module}
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps({{
    "foreign": sorted(new - set(sys.stdlib_module_names) - {{"numpy", "mlp_numpy"}}),
    "system": sorted(new & {{"subprocess", "multiprocessing", "concurrent", "asyncio", "socket", "_posixsubprocess"}}),
    "touched": touched,
    "handlers": [str(n) for n, h in handlers.items() if signal.getsignal(n) != h],
    "threads": _thread._count(),
}}))
"""


@pytest.mark.parametrize("module", ["mlp_numpy", "mlp_numpy.browser"])
def test_it_brings_numpy_and_threadpoolctl_and_touches_nothing_of_the_system(module: str) -> None:
    code = SCRIPT.replace("{module}", module).replace("{{", "{").replace("}}", "}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found == {"foreign": ["threadpoolctl"], "system": [], "touched": [], "handlers": [], "threads": 0}


def test_the_python_side_of_the_pages_trains_without_threads() -> None:
    code = SCRIPT.replace("{module}", "mlp_numpy.browser").replace("{{", "{").replace("}}", "}")
    code += """
session = mlp_numpy.browser.Session()
for message in ({"do": "train_start", "settings": {"data": "digits", "hidden": [8]}}, {"do": "train_step", "n": 5},
                {"do": "train_checks"}, {"do": "train_trace"}, {"do": "layer", "name": "BatchNormalize"},
                {"do": "judge", "name": "ReLU", "code": "def backward(context, dout):\\n    return dout"}):
    assert "result" in json.loads(session.answer(json.dumps(message))), message
print(json.dumps([touched, _thread._count()]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [[], 0]
