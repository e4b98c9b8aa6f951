"""Draws ``activations.png``: the activation functions of "Homework 1" (Albertini), problem 3, with their derivatives.

python plots/activations.py
"""

from pathlib import Path

from mlp_numpy import GELUModule, LeakyReLUModule, ReLUModule, SoftplusModule
from mlp_numpy.viz import save_functions

FUNCTIONS = {
    "ReLU": ReLUModule(),
    "LeakyReLU, slope 0.01": LeakyReLUModule(0.01),
    "Softplus, β = 1": SoftplusModule(1.0),
    "GELU": GELUModule(),
}


def main() -> None:
    """Draw."""
    save_functions(Path(__file__).parent / "activations.png", FUNCTIONS)


if __name__ == "__main__":
    main()
