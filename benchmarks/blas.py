"""Time of matrix products and of whole training steps with NumPy's own BLAS and with others.

    python benchmarks/blas.py NAME=FILE … [--rounds 5] [--steps 20] [--task NAME …] [--threads N …] [--json FILE]

Each FILE is a shared library with the C interface of BLAS and 32-bit integers, such as these, in Debian's packages and
in the wheel ``mkl``:

    libopenblas0-pthread   …/openblas-pthread/libblas.so.3      libblis4-pthread   …/blis-pthread/libblis.so.4
    libopenblas0-openmp    …/openblas-openmp/libblas.so.3       libblis4-openmp    …/blis-openmp/libblis.so.4
    libblas3               …/blas/libblas.so.3 (reference)      mkl                …/lib/libmkl_rt.so.3

NumPy stays the same: a small library, compiled here and preloaded, answers the calls of single precision that NumPy's
wheel for Linux sends to its own OpenBLAS, by those of the other library. So a C compiler is needed. "numpy" is what the
wheel brings; without a FILE it is measured alone.

    sgemm M K N       one product (M, K) × (K, N), on the threads of BLAS
    products NET      the matrix products of a step (see ``step.py``), on the threads of BLAS
    step NET          the whole step with one BLAS thread, in as many shards as threads

How the contestants take turns is said in ``interleaved.py``; a turn ends after 2 seconds.
"""

from __future__ import annotations

import argparse
import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import step as whole
from interleaved import Step, cores, on_threads, report, report_machine, results_of, serve, take_turns, write_json

from mlp_numpy.system_info import describe_system

OWN = "numpy"
NETS = ["-".join(map(str, sizes)) for sizes in whole.NETS]
# Of the first and of a hidden layer: forward, weight gradient, input gradient.
SIZES = ((200, 3072, 100), (100, 200, 3072), (200, 1024, 1024), (1024, 200, 1024), (200, 3072, 1024), (1024, 200, 3072))
TASKS = [f"sgemm {m} {k} {n}" for m, k, n in SIZES] + [f"{kind} {net}" for kind in ("products", "step") for net in NETS]

SOURCE = """
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static long calls;
long exchanged_calls(void) { return calls; }

static void *find(const char *name) {
    void *library = dlopen(getenv("OTHER_BLAS"), RTLD_NOW | RTLD_GLOBAL);
    void *found = library ? dlsym(library, name) : NULL;
    if (!found) { fprintf(stderr, "%s\\n", dlerror()); exit(1); }
    return found;
}

#define FORWARD(name, result, parameters, types, arguments)  \\
    result scipy_cblas_##name##64_ parameters {              \\
        static result (*other) types;                        \\
        if (!other) other = (result (*) types) find("cblas_" #name); \\
        calls++;                                             \\
        return other arguments;                              \\
    }
typedef int64_t I;
typedef const float *V;

FORWARD(sgemm, void,
    (int o, int ta, int tb, I m, I n, I k, float p, V a, I la, V b, I lb, float q, float *c, I lc),
    (int, int, int, int, int, int, float, V, int, V, int, float, float *, int),
    (o, ta, tb, m, n, k, p, a, la, b, lb, q, c, lc))
FORWARD(ssyrk, void,
    (int o, int u, int t, I n, I k, float p, V a, I la, float q, float *c, I lc),
    (int, int, int, int, int, float, V, int, float, float *, int),
    (o, u, t, n, k, p, a, la, q, c, lc))
FORWARD(sgemv, void,
    (int o, int t, I m, I n, float p, V a, I la, V x, I ix, float q, float *y, I iy),
    (int, int, int, int, float, V, int, V, int, float, float *, int),
    (o, t, m, n, p, a, la, x, ix, q, y, iy))
FORWARD(sdot, float, (I n, V x, I ix, V y, I iy), (int, V, int, V, int), (n, x, ix, y, iy))
"""


def compile_exchange(folder: Path) -> Path:
    """Compile the library that is preloaded into ``folder``; raises CalledProcessError if the compiler fails."""
    source, library = folder / "exchange.c", folder / "exchange.so"
    source.write_text(SOURCE, encoding="utf-8")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def check_exchanged() -> None:
    """Raise SystemExit unless the other library computes NumPy's products, and correctly."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(70, 70)).astype(np.float32) for _ in range(2))
    before = ctypes.CDLL(None).exchanged_calls()
    product = a @ b
    if ctypes.CDLL(None).exchanged_calls() == before:
        raise SystemExit("NumPy does not call its BLAS by the names of its wheels for Linux: it cannot be exchanged")
    if not np.allclose(product, a.astype(np.float64) @ b.astype(np.float64), atol=1e-3):
        raise SystemExit("the other BLAS computes a wrong product")


def make_step(task: str, threads: int) -> Step:
    """What a contestant repeats."""
    kind, *rest = task.split()
    if kind == "sgemm":
        m, k, n = map(int, rest)
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(m, k)).astype(np.float32), rng.normal(size=(k, n)).astype(np.float32)
        out = np.empty((m, n), np.float32)

        def product(_: int) -> None:
            np.matmul(a, b, out=out)

        return product
    sizes = tuple(map(int, rest[0].split("-")))
    return whole.products(sizes) if kind == "products" else whole.ours(sizes, shards=threads, threads=threads)


def compare(task: str, threads: int, others: dict[str, Path], exchange: Path, options: Any) -> dict[str, Any]:
    """One task with each library; milliseconds by library, and the pools that were loaded."""
    pool = on_threads(1 if task.startswith("step") else threads)
    loaded = {name: {"LD_PRELOAD": str(exchange), "OTHER_BLAS": str(path)} for name, path in others.items()}
    environments = {OWN: pool} | {name: pool | library for name, library in loaded.items()}
    arguments = ["--task", task, "--threads", str(threads)]
    times, pools = take_turns(__file__, [*environments], arguments, options.rounds, options.steps, environments)
    return {"task": task, "threads": threads, "milliseconds": times, "pools": pools}


def library(text: str) -> tuple[str, Path]:
    """NAME=FILE from the command line."""
    name, _, path = text.partition("=")
    if not path or not Path(path).is_file() or name == OWN:
        raise argparse.ArgumentTypeError(f"{text} must be NAME=FILE with a file that exists, and not named {OWN}")
    return name, Path(path).resolve()


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*", type=library, metavar="NAME=FILE", help="another BLAS")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each library")
    parser.add_argument("--steps", type=int, default=20, help="steps in a turn, at most")
    parser.add_argument("--task", action="append", choices=TASKS, help="by default all")
    parser.add_argument("--threads", type=int, action="append", help="by default 1, and one a core")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        if options.worker != OWN:
            check_exchanged()
        serve(make_step(options.task[0], options.threads[0]), warm_up=1, longest=2.0)
        return
    machine, results = describe_system(), []
    with tempfile.TemporaryDirectory() as folder:
        others = dict(options.libraries)
        exchange = compile_exchange(Path(folder)) if others else Path()
        for threads in options.threads or sorted({1, cores()}):
            for task in options.task or TASKS:
                results.append(compare(task, threads, others, exchange, options))
                if len(results) == 1:
                    report_machine(machine, results[0]["pools"])
                report(f"{task}, threads: {threads}, float32", results[-1]["milliseconds"], OWN)
    write_json(options.json, __file__, results)


if __name__ == "__main__":
    main()
