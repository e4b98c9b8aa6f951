"""The contract of a module: invariants of every forward and backward, apart from the values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checking.sampler import Sample
from mlp_numpy.gradcheck import Subject


def broken_invariants(sample: Sample, subject: Subject) -> list[str]:
    """The invariants that a sample violates, as sentences.

    Backward returns the gradient of x, except in an input layer. Gradients have the shapes of their arrays. Inputs are
    not modified. A second backward gives the same gradients, and so does a second forward and backward, even if the
    output of forward is overwritten in between. The memory order of the inputs has no effect. float32 stays float32.
    """
    return [*_of_two_passes(sample, subject), *_of_other_arrays(sample, subject)]


def _of_two_passes(sample: Sample, subject: Subject) -> Iterator[str]:
    x, y, dout = sample.x.copy(), _copy(sample.y), _copy(subject.g)
    subject.rewind()
    seen = Subject(subject.module, None, y, dout, **sample.options)
    first = _copies(seen.analytic(x))
    arrays = seen.arrays(x)
    if "x" not in first and all(leaf.input_needed for _, leaf in sample.module.leaves()):
        yield "backward must return the gradient of x, got None"
    for name, gradient in first.items():
        if gradient.shape != arrays[name].shape:
            yield f"the gradient of {name} must have its shape {arrays[name].shape}, got {gradient.shape}"
    for name, now, before in (("x", x, sample.x), ("dout", dout, subject.g), ("y", y, sample.y)):
        if now is not None and before is not None and not np.array_equal(now, before):
            yield f"{name} must not be modified, but it has changed"
    subject.rewind()
    again = Subject(subject.module, None, sample.y, _copy(subject.g), **sample.options)
    second = _copies(again.analytic(sample.x.copy()))
    if not _same(first, second):
        yield "a second forward and backward must give the same gradients, got others"
    if not _same(second, _copies(again.gradients())):
        yield "a second backward must give the same gradients, got others"
    subject.rewind()
    x = sample.x.copy()
    out = again.forward(x)
    if np.ndim(out) and not np.shares_memory(out, x):
        out[...] = np.nan
    if not _same(first, _copies(again.gradients())):
        yield "the output of forward may be edited before backward, got other gradients: keep a copy"


def _of_other_arrays(sample: Sample, subject: Subject) -> Iterator[str]:
    expected = _copies(subject.analytic(sample.x.copy()))
    subject.rewind()
    turned = Subject(subject.module.astype(np.float64), None, sample.y, _turned(subject.g), **sample.options)
    if not _close(expected, turned.analytic(_strided(sample.x)), 1e-12):
        yield "the memory order of x and dout must make no difference, got other gradients"
    single = subject.module.astype(np.float32)
    dout = None if subject.g is None else subject.g.astype(np.float32)
    as_single = Subject(single, None, sample.y, dout, **sample.options)
    if np.asarray(as_single.forward(sample.x.astype(np.float32))).dtype != np.float32:
        yield "float32 in must be float32 out, got another dtype"
    for name, gradient in as_single.analytic(sample.x.astype(np.float32)).items():
        if gradient.dtype != np.float32:
            yield f"the gradient of {name} must be float32 as its array is, got {gradient.dtype}"


def _copy(array: Array | None) -> Array | None:
    return None if array is None else array.copy()


def _copies(gradients: dict[str, Array]) -> dict[str, Array]:
    return {name: np.array(gradient) for name, gradient in gradients.items()}


def _turned(dout: Array | None) -> Array | None:
    return None if dout is None else dout.copy(order="F")


def _strided(x: Array) -> Array:
    """The same values as every second row of an array in Fortran order."""
    wide = np.zeros((2 * x.shape[0], *x.shape[1:]), x.dtype, order="F")
    wide[::2] = x
    return wide[::2]


def _same(a: dict[str, Array], b: dict[str, Array]) -> bool:
    return all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)


def _close(a: dict[str, Array], b: dict[str, Array], bound: float) -> bool:
    return all(np.linalg.norm(a[name] - b[name]) <= bound * max(1.0, float(np.linalg.norm(a[name]))) for name in a)
