"""Draws ``costs.png``: what a training step costs, from the figures of ``benchmarks/busy.py`` and ``scaling.py``.

python plots/costs.py [--results FOLDER] [--out FILE]

The first row compares a quiet machine with one where another process computes; the second shows how the time
grows with threads, shards, batch, width and images. Faint lines are in proportion to what is varied, or for
threads in inverse proportion. All times are medians.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mlp_numpy.viz import draw_growth, draw_states, save

HERE = Path(__file__).parent
# What is varied, the unit of the times, the power of the faint line, the first color.
SERIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "threads": ("threads", "ms a step", {"power": -1}),
    "shards": ("shards", "ms a step", {"power": None}),
    "batch": ("images in a batch", "ms a step", {}),
    "width": ("W", "ms a step", {"first_color": 3}),
    "images": ("training images", "s an epoch", {}),
}
SHORT = {"3072-600-500-388-275-163-10": "3072-600-…-163-10", "3072-1024-1024-1024-10": "3072-1024×3-10"}


def short(net: str) -> str:
    """The name of a network that fits into a legend."""
    return SHORT.get(net, net.removesuffix(" of figure 6"))


def draw_busy(figure: Any, results: list[dict[str, Any]]) -> None:
    """Panels of ``busy.py``, one a network."""
    nets = list(dict.fromkeys(result["net"] for result in results))
    for axes, net in zip(figure.subplots(1, len(nets), squeeze=False)[0], nets, strict=True):
        states = {
            result["state"]: {
                name.replace(" 1", "\none thread"): found["median"] for name, found in result["milliseconds"].items()
            }
            for result in results
            if result["net"] == net
        }
        draw_states(axes, states)
        axes.set_title(short(net), fontsize=10)
        axes.set_ylabel("ms a step, median")
        axes.tick_params(axis="x", labelsize=7)
        axes.legend(frameon=False, fontsize=8)


def draw_scaling(figure: Any, results: list[dict[str, Any]]) -> None:
    """Panels of ``scaling.py``, one a series."""
    series = [name for name in SERIES if any(result["series"] == name for result in results)]
    for axes, name in zip(figure.subplots(1, len(series), squeeze=False)[0], series, strict=True):
        found = [result for result in results if result["series"] == name]
        unit = 1000 if name == "images" else 1
        times = {
            short(result["net"]): {
                library: [time / unit for time in times["median"]] for library, times in result["milliseconds"].items()
            }
            for result in found
        }
        x_name, y_name, how = SERIES[name]
        draw_growth(axes, found[0]["values"], times, **how)
        axes.set_xlabel(x_name, fontsize=9)
        axes.set_ylabel(y_name, fontsize=9)
        axes.tick_params(labelsize=7)
    curves = {curve.get_label(): curve for axes in figure.axes for curve in axes.get_lines()}
    named = {label: curve for label, curve in curves.items() if not label.startswith("_")}
    figure.legend(named.values(), named, frameon=False, fontsize=8, ncols=4, loc="outside lower center")


def main() -> None:
    """Read and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=HERE.parent / "benchmarks" / "results", help="their folder")
    parser.add_argument("--out", type=Path, default=HERE / "costs.png", help="the file to write")
    options = parser.parse_args()
    busy, scaling = (json.loads((options.results / f"{name}.json").read_text("utf-8")) for name in ("busy", "scaling"))
    figure = Figure(figsize=(13, 8), layout="constrained")
    top, bottom = figure.subfigures(2, 1)
    draw_busy(top, busy["results"])
    draw_scaling(bottom, scaling["results"])
    machine = busy["machine"]
    figure.suptitle(f"{machine['processor']}, {machine['cores']} cores", fontsize=10)
    save(options.out, figure)


if __name__ == "__main__":
    main()
