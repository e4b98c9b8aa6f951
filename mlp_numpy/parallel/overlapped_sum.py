"""The sum of a gradient vector over the ranks, begun while the backward pass still computes the vector's beginning."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable

from mlp_numpy.arrays import Array
from mlp_numpy.parallel.communicator import Communicator

PIECE = 1 << 20
"""Bytes of a vector from which on a piece of it is worth messages of its own."""


class OverlappedSum:
    """Σ over the ranks of ``vector``, in place. A backward pass computes a vector of gradients from its end:

        total = OverlappedSum(aside, vector)
        total.completed(arrays)      # these views of the vector are computed, and not changed any more
        total.finish()               # the pieces that were begun are summed; those before them are what it returns

    A thread sums every ``PIECE`` bytes as soon as everything behind them is completed, in one ``aside.sum_in_place``
    for each piece. All ranks complete the same arrays in the same order, so their pieces are the same. Every element is
    added in the order of the ranks, whatever the pieces are.

    aside   a communicator of the same ranks that nobody else uses meanwhile
    """

    def __init__(self, aside: Communicator, vector: Array) -> None:
        self.seconds = 0.0
        self._aside, self._vector = aside, vector
        self._address, self._completed_from, self._begun_from = vector.ctypes.data, vector.size, vector.size
        self._apart: dict[int, int] = {}
        self._pieces: queue.SimpleQueue[Array | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def completed(self, arrays: Iterable[Array]) -> None:
        """Begin with the sums of what is complete to the end of the vector, if that is a piece; ``arrays`` outside of
        the vector are ignored."""
        for array in arrays:
            start = (array.ctypes.data - self._address) // self._vector.itemsize
            stop = start + array.nbytes // self._vector.itemsize
            self._apart[stop] = start  # until everything behind it is completed too
        while self._completed_from in self._apart:
            self._completed_from = self._apart.pop(self._completed_from)
        piece = self._vector[self._completed_from : self._begun_from]
        # the beginning of the vector is complete when nothing is left to be computed meanwhile
        if self._completed_from and piece.nbytes >= PIECE:
            self._begun_from = self._completed_from
            self._pieces.put(piece)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="mlp_numpy", daemon=True)
                self._thread.start()

    def finish(self) -> Array:
        """Wait for the pieces, and return the part of the vector, before all of them, that is still to be summed."""
        if self._thread is not None:
            began = time.perf_counter()
            self._pieces.put(None)
            self._thread.join()
            self.seconds = time.perf_counter() - began
        if self._error is not None:
            raise self._error
        return self._vector[: self._begun_from]

    def _serve(self) -> None:
        try:
            while (piece := self._pieces.get()) is not None:
                self._aside.sum_in_place(piece)
        except BaseException as error:
            self._error = error
