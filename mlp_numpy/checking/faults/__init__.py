"""Wrong gradients, one row each: what the audit must see. A new module brings its own."""

from typing import Final

from mlp_numpy.checking.faults import activations, images, linear, losses, normalization, number_losses, smooth
from mlp_numpy.checking.faults.fault import Fault

FAULTS: Final[tuple[Fault, ...]] = (
    *linear.FAULTS,
    *activations.FAULTS,
    *smooth.FAULTS,
    *normalization.FAULTS,
    *images.FAULTS,
    *losses.FAULTS,
    *number_losses.FAULTS,
)

__all__ = ["FAULTS", "Fault"]
