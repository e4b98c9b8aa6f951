"""Every fused formula as a composition of elementary ones, on nodes: what its closed-form backward is judged by.

The elementary formulas are checked numerically; a fused one must have the derivative that the tape finds for these
compositions. They are as plain as they can be: nothing is stabilized, nothing rearranged.
"""

from mlp_numpy.checking.reference import activations, images, layers, losses
from mlp_numpy.checking.reference.composition import Composition, Params

__all__ = ["Composition", "Params", "activations", "images", "layers", "losses"]
