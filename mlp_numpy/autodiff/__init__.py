"""Formulas and what drives them."""

from mlp_numpy.autodiff.core import Context, Op

__all__ = ["Context", "Op"]
