"""A module whose batches are computed in shards, side by side."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import instance, whole_number
from mlp_numpy.errors import CallOrderError, OptionError, ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.parallel import ALONE, Communicator, NestedCommunicator, Workers

_PLAIN = (bool, int, float, str, type(None))
"""The types of the attributes that replicas take over before every forward, such as ``training`` or a dropout's p."""


class Sharded(Module):
    """``module`` with the rows of each batch split into ``shards``, which run forward and backward side by side.

        net = Sharded(module, shards=2)
        out = net.forward(x)        # as module.forward(x)
        dx = net.backward(dout)     # as module.backward(dout); module.grads hold the gradient of the whole batch

    module    works on each row by itself, or joins rows through its ``communicator``, as BatchNorm does: true for all
              modules of the library
    shards    decides the results to the last bits; a batch of fewer rows has one shard per row
    threads   affects the time alone; None: one per core that this process may use
    ranks     processes that share each batch, and have shards / ranks of its shards each

    Each shard has a replica of the module, with caches of its own; parameters and buffers are shared with ``module``.
    The gradient of a LinearModule's weight is one product over the whole batch, split by columns of the weight, that of
    a large convolution's is formed over the whole batch too, split by kernels; other gradients are added in the order
    of the shards. So results depend on the number of shards, and not on the threads.

    Plain attributes of ``module``, such as ``training``, may change between batches; its structure may not.

    All ``ranks`` call the same methods in the same order. Of x and dout each reads its ``own_rows`` alone, the others
    may hold anything; out and dx are those of the whole batch, for every rank. ``module.grads`` hold a rank's part of
    the gradients: those of the whole batch are the sums over the ranks, which may be formed for all parameters at once.
    A batch with fewer rows than ranks is computed by each of them, and only the first one's gradients are not 0.

    Raises OptionError for anything but a Module, for one that holds a Sharded, for numbers below 1, and for shards that
    are no multiple of the ranks.
    """

    def __init__(
        self, module: Module, shards: int = 2, threads: int | None = None, *, ranks: Communicator = ALONE
    ) -> None:
        super().__init__()
        self.module = instance("Sharded", "module", module, Module)
        self.shards = whole_number("Sharded", "shards", shards)
        if self.shards > 1 and holds_shards(module):
            raise OptionError(f"Sharded: module must hold no Sharded, got {module!r}. Hint: one around the whole net.")
        self.ranks = instance("Sharded", "ranks", ranks, Communicator)
        if self.shards % ranks.size:
            raise OptionError(
                f"Sharded: shards must be a multiple of the {ranks.size} ranks that share them, got {self.shards}."
            )
        self.workers = Workers(self.shards // ranks.size, threads)
        self.output_kind = module.output_kind
        self._replicate()

    def _replicate(self) -> None:
        self._replicas = [_replica(self.module, first=rank == 0) for rank in range(self.workers.size)]
        self._followed = [
            (vars(source), [vars(replica) for replica in replicas], _plain_names(source))
            for source, *replicas in zip(_modules(self.module), *map(_modules, self._replicas), strict=True)
        ]
        self._meet(1)

    def __getstate__(self) -> dict[str, Any]:
        of_threads = ("_replicas", "_followed", "_meeting", "_parts", "_layers", "ranks")
        kept = super().__getstate__() | {"_out_shape": ()}
        return {name: value for name, value in kept.items() if name not in of_threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.ranks, self.shards = ALONE, self.workers.size  # a copy belongs to no group of processes
        self._replicate()

    def forward(self, x: Array) -> Array:
        """The output of the module for a batch ``x``.

        Raises what the module raises, with the sizes of a shard, and ShapeError if the output has not one row per row
        of x.
        """
        x = self._check_batch("forward", "x", x)
        self._follow()
        another_size = self._n_rows != len(x)
        if another_size:
            self._meet(len(x))
        own = x[self._own]
        joined = _Joined(len(own))

        def work(rank: int) -> None:
            part = self._parts[rank]
            joined.put(part, self._replicas[rank].forward(own[part]))

        n_forwards = self._count()
        try:
            self.workers.run(work, self._meeting.size, self._meeting)
        except BaseException:
            if another_size or self._count() != n_forwards:
                self._out_shape = ()  # some shards remember this batch, others the one before
            raise
        if joined.array is None:
            raise CallOrderError(f"{self!r}.forward: every shard must have an output, got none.")
        out = self._of_all_ranks(joined.array)
        self._out_shape = out.shape
        self._n_forwards += 1
        return out

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x from ``dout`` = ∂L/∂out; the gradients of the parameters are those of the whole batch.

        Returns None if the module does. Raises CallOrderError without a forward, ShapeError if ``dout`` does not have
        the output's shape.
        """
        if not self._out_shape:
            raise CallOrderError(f"{self!r}.backward: a forward must come first. Hint: call forward on the batch.")
        dout = self._check_dout(dout)[self._own]
        joined = _Joined(len(dout))

        def work(rank: int) -> None:
            part = self._parts[rank]
            dx = self._replicas[rank].backward(dout[part])
            if dx is not None:
                joined.put(part, dx)
            if self._meeting.size > 1:
                self._meeting.wait(rank)
                for shards in self._layers:
                    shards[rank]._join_gradients(shards)

        self.workers.run(work, self._meeting.size, self._meeting)
        if not self._apart and self.ranks.rank:
            for _, leaf in self.module.leaves():
                for gradient in leaf.grads.values():
                    gradient[...] = 0
        return None if joined.array is None else self._of_all_ranks(joined.array)

    def _of_all_ranks(self, rows: Array) -> Array:
        """The rows of the whole batch, given those that this rank has computed."""
        return self.ranks.joined(rows, self._n_rows) if self._apart else rows

    def _meet(self, n_rows: int) -> None:
        """Prepare batches of ``n_rows`` rows: who computes which of them, and where the shards meet."""
        self._n_rows = 0  # until all is prepared
        self._own = self.ranks.own_rows(n_rows)
        self._apart = 1 < self.ranks.size <= n_rows
        self._meeting = self.workers.meeting(self._own.stop - self._own.start)
        communicators = self._meeting.communicators()
        self._parts = [communicator.split(self._meeting.n_rows) for communicator in communicators]
        if self._apart:
            communicators = [NestedCommunicator(self.ranks, local, self.shards, n_rows) for local in communicators]
        replicas = [[leaf for _, leaf in replica.leaves()] for replica in self._replicas[: len(communicators)]]
        for leaves, communicator in zip(replicas, communicators, strict=True):
            for leaf in leaves:
                leaf.communicator = communicator
        self._layers = list(zip(*replicas, strict=True))
        self._n_rows = n_rows

    def _count(self) -> int:
        """The number of forwards of all layers of all shards."""
        return sum(shard._n_forwards for shards in self._layers for shard in shards)

    def children(self) -> dict[str, Module]:
        """Those of ``module``."""
        return self.module.children()

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Those of ``module``, under the same names."""
        return self.module.leaves(prefix)

    def train(self, mode: bool = True) -> Sharded:
        """Set training mode, or evaluation mode if ``mode`` is False."""
        self.module.train(mode)
        return super().train(mode)

    def clear_cache(self) -> None:
        """Clear the caches of the last forward."""
        for module in (self.module, *self._replicas):
            module.clear_cache()
        self._out_shape = ()

    def _follow(self) -> None:
        """Bring changed attributes of the module to its replicas."""
        for source, replicas, names in self._followed:
            for name in names:
                value = source[name]
                for replica in replicas:
                    replica[name] = value

    def _repr_args(self) -> str:
        return f"{self.module!r}, shards={self.shards}"


class _Joined:
    """The rows of all shards in one array, laid out in memory as theirs."""

    def __init__(self, n_rows: int) -> None:
        self.array: Array | None = None
        self._n_rows = n_rows
        self._lock = threading.Lock()

    def put(self, part: slice, rows: Array) -> None:
        if rows.ndim == 0 or len(rows) != part.stop - part.start:
            raise ShapeError(
                f"Sharded: there must be one row per row of x, got {rows.shape} for {part.stop - part.start} rows. "
                "Hint: shards=1 for a module that joins rows."
            )
        with self._lock:
            if self.array is None:
                self.array = np.empty_like(rows, shape=(self._n_rows, *rows.shape[1:]))
        self.array[part] = rows


def _replica(module: Module, *, first: bool) -> Module:
    """A copy of ``module`` that shares its parameters and buffers, and the gradients that it does not compute alone.

    The first shard's gradients are those of the module: the others are added to them.
    """
    shared: dict[int, Any] = {}
    for _, leaf in module.leaves():
        shared |= {id(part): part for part in (leaf.params, leaf.buffers, *([leaf.grads] if first else []))}
    twin = copy.deepcopy(module, shared)
    for (_, source), (_, leaf) in zip(module.leaves(), twin.leaves(), strict=True):
        for name in leaf.joint_gradients if not first else ():
            if name in leaf.grads:
                leaf.grads.share(name, source.grads)
    return twin


def holds_shards(module: Module) -> bool:
    """True if a Sharded is in ``module``, or is it."""
    return any(isinstance(part, Sharded) for part in _modules(module))


def _modules(module: Module) -> Iterator[Module]:
    yield module
    for child in module.children().values():
        yield from _modules(child)


def _plain_names(module: Module) -> list[str]:
    return [name for name, value in vars(module).items() if not name.startswith("_") and isinstance(value, _PLAIN)]
