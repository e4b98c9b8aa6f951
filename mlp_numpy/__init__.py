"""NumPy neural networks in which every layer carries its own hand-derived, proven backward pass."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from mlp_numpy import modules
from mlp_numpy.errors import MlpNumpyError
from mlp_numpy.models import MLP
from mlp_numpy.modules import (
    BCEModule,
    BCEWithLogitsModule,
    CrossEntropyModule,
    ELUModule,
    HingeModule,
    HuberModule,
    IdentityModule,
    KLDivergenceModule,
    L1Module,
    LeakyReLUModule,
    LinearModule,
    LogSoftMaxModule,
    LossModule,
    Module,
    MSEModule,
    NLLModule,
    PReLUModule,
    ReLUModule,
    SELUModule,
    Sequential,
    SigmoidModule,
    SiLUModule,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    glorot,
    kaiming,
    normal,
)
from mlp_numpy.optim import SGD, Adam, FlatParameters

try:
    __version__ = version("mlp_numpy")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

# As in ``modules``: whoever asks for a GELU waits for SciPy.
if TYPE_CHECKING:
    from mlp_numpy.modules import GELUModule
else:

    def __getattr__(name: str) -> Any:
        if name == "GELUModule":
            return modules.GELUModule
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "CrossEntropyModule",
    "FlatParameters",
    "LeakyReLUModule",
    "LinearModule",
    "LossModule",
    "MlpNumpyError",
    "Module",
    "ReLUModule",
    "Sequential",
    "SoftMaxCrossEntropyModule",
    "SoftMaxModule",
    "__version__",
    "glorot",
    "kaiming",
    "normal",
    "BCEModule",
    "BCEWithLogitsModule",
    "ELUModule",
    "HingeModule",
    "HuberModule",
    "IdentityModule",
    "KLDivergenceModule",
    "L1Module",
    "LogSoftMaxModule",
    "MSEModule",
    "NLLModule",
    "PReLUModule",
    "SELUModule",
    "SiLUModule",
    "SigmoidModule",
    "SoftplusModule",
    "TanhModule",
    "GELUModule",
]
