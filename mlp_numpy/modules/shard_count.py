"""How many shards pay off, from sizes alone, so that a training has the same number on every machine."""

from __future__ import annotations

from typing import Final

from mlp_numpy.errors import OptionError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.conv_layer import Conv2dModule
from mlp_numpy.modules.sharded import holds_shards

_LEAST_ROWS: Final = 32
"""Rows of a batch below which its halves make narrow products."""
_LEAST_WORK: Final = 100_000_000
"""Multiplications of a forward pass below which waking threads takes longer than they save: the four tasks of a step
cost some 0.15 ms each, and 3072-100-10 with batches of 200, at 6·10⁷, takes 2.7 ms whole and 3.2 in two shards."""

_PLACES: Final = 256
"""Windows of an image that a convolution's kernels are taken to see, whatever its size is: 16 × 16, as in the middle of
a network for images of 32 × 32. So a small conv net has two shards from batches of 126 on; measured, they pay from
about 90 on."""


def default_shards(model: Module, batch: int, ranks: int = 1) -> int:
    """2 shards for batches of at least 32 rows of a network that multiplies at least 10⁸ times in a forward pass, its
    convolutions at 256 places of an image; else 1. Several ``ranks``, processes that share a batch, have one each.

    More than two make the products of each narrower, and cost more than they bring before there are as many cores. A
    network with modules from outside of the library has 1: whether they treat each row by itself is not known. So does
    one that holds a Sharded.

    Raises OptionError for such a network and several ranks.
    """
    layers = [layer for _, layer in model.leaves()]
    foreign = [layer for layer in layers if not type(layer).__module__.startswith("mlp_numpy.")]
    if ranks > 1 and foreign:
        raise OptionError(
            f"default_shards: a batch that {ranks} ranks share must be computed row by row, which is not known of "
            f"{foreign[0]!r}. Hint: shards={ranks}, if it treats each row by itself."
        )
    if ranks > 1:
        return ranks
    if batch < _LEAST_ROWS or foreign or holds_shards(model):
        return 1
    uses = ((_PLACES if isinstance(layer, Conv2dModule) else 1, layer) for layer in layers)
    multiplications = batch * sum(places * array.size for places, layer in uses for array in layer.params.values())
    return 2 if multiplications >= _LEAST_WORK else 1
