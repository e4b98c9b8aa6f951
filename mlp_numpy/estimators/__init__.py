"""Estimators for scikit-learn: its MLPClassifier and MLPRegressor with the library's networks, losses and trainer.

Importing this package needs scikit-learn. Raises ExtraMissingError without it.
"""

from importlib import import_module

from mlp_numpy.errors import ExtraMissingError

try:
    import_module("sklearn")
except ImportError as error:
    raise ExtraMissingError(
        f"mlp_numpy.estimators: needs scikit-learn, which cannot be imported: {error}. "
        "Hint: pip install 'mlp_numpy[sklearn]'."
    ) from error

from mlp_numpy.estimators.classifier import MLPClassifier
from mlp_numpy.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
