"""Data sets, where they come from, and how batches are made of them.

``load_dataset``, ``Loaded``, ``pack`` and ``read_image`` are imported when they are first asked for, since they bring
libraries for downloads and images.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.batches import Batches, chunks
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.order import BlockShuffle
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.data.splitting import hold_out
from mlp_numpy.data.subset import only_classes

if TYPE_CHECKING:
    from mlp_numpy.data.images import read_image
    from mlp_numpy.data.packing import pack
    from mlp_numpy.data.sources import Loaded, load_dataset
else:
    _LAZY = {
        "Loaded": "mlp_numpy.data.sources",
        "load_dataset": "mlp_numpy.data.sources",
        "pack": "mlp_numpy.data.packing",
        "read_image": "mlp_numpy.data.images",
    }

    def __getattr__(name: str) -> Any:
        """A name of ``_LAZY``. Raises AttributeError for any other."""
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(_LAZY[name]), name)
        return found

    def __dir__() -> list[str]:
        """The names of the module, those included that nobody has asked for yet."""
        return sorted({*globals(), *__all__})


__all__ = [
    "Augmentation",
    "Batches",
    "BlockShuffle",
    "Dataset",
    "Loaded",
    "Preprocessing",
    "SealedSplit",
    "Split",
    "chunks",
    "hold_out",
    "load_dataset",
    "only_classes",
    "pack",
    "read_image",
]
