"""Random calls of everything public: whatever goes in, only errors of the library's own come out.

    python tests/random_calls.py --count 10000 --seed 0

A call constructs a public class, with arguments that work or with one or two that do not, and then calls some of its
public methods with good arrays and bad ones. A bare TypeError, ValueError, AttributeError … is printed with the call.
"""

from __future__ import annotations

import argparse
import inspect
import random
import sys
import traceback
import types
import warnings
from typing import Any

import numpy as np
from doors_table import BASE, JUNK, config, data_set, net, node, public

from mlp_numpy import LossModule, Module
from mlp_numpy.errors import MlpNumpyError

SKIPPED = {"run", "records", "located", "check_read", "outcomes", "will_need"}
"""Methods whose generators train: what they raise comes later, from parts that are called here by themselves. And those
of a Split that Batches calls at every step, with rows of its own making."""


def arrays(draw: random.Random) -> Any:
    """An array, mostly of numbers, of a shape that some module may take."""
    shapes: list[tuple[int, ...]] = [(), (0,), (3,), (2, 3), (2, 2), (2, 4), (1, 3), (2, 1, 4, 4), (0, 3), (2, 3, 4)]
    rng = np.random.default_rng(draw.randrange(1 << 30))
    array = rng.normal(size=draw.choice(shapes))
    kind = draw.choice([float, float, float, np.float32, np.float16, int, bool, complex, object, "S1"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = array.astype(kind)
    if draw.random() < 0.1 and array.dtype.kind == "f" and array.size:
        array.flat[0] = draw.choice([np.inf, -np.inf, np.nan, 1e30])
    if draw.random() < 0.1:
        return np.ma.masked_less(array, 0) if array.dtype.kind in "fiu" else array
    return array.tolist() if draw.random() < 0.1 else array


def argument(draw: random.Random) -> Any:
    """Anything that might be handed to a method."""
    kind = draw.random()
    if kind < 0.5:
        return arrays(draw)
    if kind < 0.6:
        return draw.randrange(-1, 5)
    if kind < 0.65:
        return draw.choice([net(), config(), node(), data_set()])
    return draw.choice(JUNK)


def one_call(draw: random.Random) -> str | None:
    """One construction and a few calls; gives the traceback of an error that is not the library's own."""
    name = draw.choice(sorted(set(BASE) & set(public())))
    thing = public()[name]
    arguments = BASE[name]()
    parameters = [p.name for p in inspect.signature(thing).parameters.values() if p.kind != p.VAR_POSITIONAL]
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        if parameters:
            arguments[draw.choice(parameters)] = argument(draw)
    said = f"{name}({arguments})"
    try:
        made = thing(**arguments)
        for _ in range(draw.randrange(4)):
            if isinstance(thing, types.FunctionType) and not hasattr(made, "at"):
                break
            methods = [
                method
                for method in dir(made)
                if (not method.startswith("_") or method == "__call__")
                and method not in SKIPPED
                and inspect.isroutine(getattr(type(made), method, None))
            ]
            if not methods:
                break
            method = "forward" if isinstance(made, Module) and draw.random() < 0.4 else draw.choice(methods)
            bound = getattr(made, method)
            taken = [p for p in inspect.signature(bound).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
            needed = sum(p.default is p.empty for p in taken)
            if isinstance(made, LossModule) and method == "forward":
                needed = 2
            if method == "__call__":
                taken = list(inspect.signature(made.forward).parameters.values())
                needed = sum(p.default is p.empty for p in taken)
            given = [argument(draw) for _ in range(draw.randint(needed, len(taken)))] if taken else []
            said += f"\n    .{method}({', '.join(map(repr, given))})"
            found = bound(*given)
            if inspect.isgenerator(found):
                next(found, None)
                found.close()
    except (MlpNumpyError, MemoryError):
        return None
    except Exception:
        return f"{said}\n{traceback.format_exc(limit=-3)}"
    return None


def failures(count: int, seed: int) -> list[str]:
    """The tracebacks of ``count`` random calls, each from a seed of its own."""
    found = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number in range(count):
            failure = one_call(random.Random(f"{seed}/{number}"))
            if failure is not None:
                found.append(f"call {number}: {failure}")
    return found


def main() -> int:
    """Make the calls and print what went wrong; exit status 1 if anything did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = failures(options.count, options.seed)
    print(*found, sep="\n\n")
    print(f"{len(found)} of {options.count} calls ended in an error that is not the library's own")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
