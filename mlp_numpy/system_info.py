"""System information for runs and benchmarks: versions, processor, BLAS, threads."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import threadpoolctl

from mlp_numpy.blas import is_numpys


def describe_system() -> dict[str, Any]:
    """Versions of Python and the libraries, the platform, and every BLAS and thread pool now loaded."""
    pools = [
        {
            "library": f"{info['internal_api']} {info.get('version')}",
            "kernel": info.get("architecture"),
            "threads": info["num_threads"],
            "from": "numpy" if is_numpys(info["filepath"]) else Path(info["filepath"]).name,
        }
        for info in threadpoolctl.threadpool_info()
    ]
    return {
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in ("mlp_numpy", "numpy", "matplotlib", "torch", "jax")},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "thread_pools": pools,
    }


def machine_fingerprint() -> dict[str, Any]:
    """The system properties that affect the last bits of a training."""
    found = describe_system()
    pools = [pool for pool in found["thread_pools"] if pool["from"] == "numpy"]
    return {
        "mlp_numpy": found["packages"]["mlp_numpy"],
        "numpy": found["packages"]["numpy"],
        "blas": [f"{pool['library']} {pool['kernel']}" for pool in pools],
        "machine": platform.machine(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or "unknown"
