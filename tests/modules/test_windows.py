"""Convolution and pooling over shapes that hypothesis draws: sizes 1, any stride and padding, ties, memory orders."""

from __future__ import annotations

import copy
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlp_numpy import (
    AdaptiveAvgPool2dModule,
    AvgPool2dModule,
    Conv2dModule,
    FlatParameters,
    MaxPool2dModule,
    Module,
    UnflattenModule,
)
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.checks import LARGEST
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.explain import EXAMPLES
from mlp_numpy.explain.loops import images, pools
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.modules import Conv2d, DepthwiseConv2d, GroupedConv2d
from mlp_numpy.modules.max_of_windows import blocks_of_images
from mlp_numpy.modules.widened_windows import widened
from mlp_numpy.modules.windows import Windows, windows

small = st.integers(1, 3)
pairs = st.tuples(small, small)
shapes = st.tuples(st.integers(1, 2), small, st.integers(1, 6), st.integers(1, 6))


def drawn(shape: tuple[int, ...], seed: int, *, inner: bool = False, tied: bool = False) -> Array:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, shape).astype(float) if tied else rng.normal(size=shape)
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if inner else x


@settings(max_examples=100, deadline=None, derandomize=True)
@given(shapes, small, pairs, pairs, st.tuples(st.integers(0, 2), st.integers(0, 2)), pairs, st.booleans())
def test_convolutions_of_all_shapes(
    shape: tuple[int, ...], n_out: int, kernel: Any, stride: Any, padding: Any, dilation: Any, inner: bool
) -> None:
    module = Conv2dModule(shape[1], n_out, kernel, stride, padding, dilation=dilation, rng=1)
    assume(min(module.windows.out_size(*shape[2:])) > 0)
    x = drawn(shape, 2, inner=inner)
    by_loops = images.conv(x, *module.params.values(), over=module.windows)
    np.testing.assert_allclose(module.forward(x), by_loops, rtol=1e-12, atol=1e-13)
    assert gradcheck(module, x, max_entries=8).worst.quotient < 1e-13


@settings(max_examples=60, deadline=None, derandomize=True)
@given(shapes, small, small, pairs, pairs, pairs, st.booleans())
def test_grouped_convolutions_of_all_shapes(
    shape: tuple[int, ...], groups: int, n_out: int, kernel: Any, stride: Any, dilation: Any, inner: bool
) -> None:
    (n, c, height, width), options = shape, {"dilation": dilation, "groups": groups}
    module = Conv2dModule(c * groups, n_out * groups, kernel, stride, 1, **options, rng=1)
    assume(min(module.windows.out_size(height, width)) > 0)
    x = drawn((n, c * groups, height, width), 2, inner=inner)
    op = module._active_op()
    assert op is (Conv2d if groups == 1 else DepthwiseConv2d if c == 1 else GroupedConv2d)
    by_loops = EXAMPLES[op.__name__].forward(x, *module.params.values(), **module._op_kwargs())
    np.testing.assert_allclose(module.forward(x), by_loops, rtol=1e-12, atol=1e-13)
    assert gradcheck(module, x, max_entries=8).worst.quotient < 1e-13


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_in", [1, 3])
def test_a_convolution_in_groups_is_one_of_each_group(n_in: int, dtype: Any) -> None:
    module = Conv2dModule(2 * n_in, 4, 3, 2, 1, groups=2, rng=0, dtype=dtype)
    x = drawn((2, 2 * n_in, 7, 8), 1).astype(dtype)
    out = module.forward(x)
    dx = module.backward(out)
    assert out.dtype == dx.dtype == dtype
    # as in every image layer, the channels of a pixel are contiguous
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous
    for g in range(2):
        inputs, kernels = slice(n_in * g, n_in * g + n_in), slice(2 * g, 2 * g + 2)
        one = Conv2dModule(n_in, 2, 3, 2, 1, dtype=dtype)
        one.params = {name: array[kernels] for name, array in module.params.items()}
        np.testing.assert_allclose(one.forward(x[:, inputs]), out[:, kernels], rtol=1e-5)
        np.testing.assert_allclose(one.backward(out[:, kernels]), dx[:, inputs], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.grads["weight"], module.grads["weight"][kernels], rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, (2, 5)])
def test_padding_same_keeps_the_size_as_pytorch_does(kernel: Any, dilation: int) -> None:
    torch = pytest.importorskip("torch")
    module = Conv2dModule(2, 3, kernel, padding="same", dilation=dilation, rng=0)
    x = drawn((2, 2, 5, 8), 1)
    out, (weight, bias) = module.forward(x), (torch.tensor(array) for array in module.params.values())
    assert out.shape == (2, 3, 5, 8)
    theirs = torch.nn.functional.conv2d(torch.tensor(x), weight, bias, padding="same", dilation=dilation)
    np.testing.assert_allclose(out, theirs, rtol=1e-12, atol=1e-13)
    assert gradcheck(module, x, max_entries=20).worst.quotient < 1e-13


@pytest.mark.parametrize(
    ("n_kernels", "over", "n_columns", "times"),
    [
        (6, Windows((5, 5), (1, 1), (0, 0)), 28, 4),  # 5 would still be 30 columns, but does not divide 28
        (16, Windows((5, 5), (1, 1), (0, 0)), 10, 2),
        (1, Windows((3, 3), (1, 2), (1, 1)), 5, 5),
        (33, Windows((3, 3), (1, 1), (1, 1)), 32, 1),
        (6, Windows((2, 2), (2, 2), (0, 0)), 16, 1),  # they do not overlap
        (6, Windows((5, 5), (1, 1), (0, 0), (2, 1)), 28, 4),
        (6, Windows((5, 5), (1, 1), (0, 0), (1, 2)), 28, 1),  # the places of one lie between those of the next
        (6, Windows((4, 4), (1, 1), (1, 1), surplus=(1, 1)), 28, 4),
        (6, Windows((5, 5), (1, 1), (0, 0)), 13, 1),
    ],
)
def test_few_kernels_go_over_windows_side_by_side(n_kernels: int, over: Windows, n_columns: int, times: int) -> None:
    wide = widened(n_kernels, over, n_columns)
    assert wide.times == times
    size = (n_columns - 1) * over.stride[1] + over.extent[1] - over.padding[1] - over.after[1]
    # none is left over, wherever the image ends
    for width in range(size, size + over.stride[1]):
        assert over.out_size(9, width)[1] == n_columns
        assert wide.windows.out_size(9, width) == (over.out_size(9, width)[0], n_columns // times)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_wide_windows_give_what_narrow_ones_do(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for columns in (1, 32):
        monkeypatch.setattr("mlp_numpy.modules.widened_windows.COLUMNS", columns)
        conv, x = Conv2dModule(2, 3, (3, 5), (1, 2), (1, 2), rng=0, dtype=dtype), drawn((2, 2, 6, 19), 1).astype(dtype)
        out = conv.forward(x)
        found.append((out, conv.backward(drawn(out.shape, 2).astype(dtype)), conv.grads["weight"], conv.grads["bias"]))
    for narrow, wide in zip(*found, strict=True):
        np.testing.assert_allclose(wide, narrow, rtol=1e-12, atol=1e-13)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(shapes, pairs, pairs, st.tuples(st.integers(0, 1), st.integers(0, 1)), pairs, st.data())
def test_pools_of_all_shapes(
    shape: tuple[int, ...], kernel: Any, stride: Any, padding: Any, dilation: Any, data: st.DataObject
) -> None:
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    inner, tied, ceil_mode, include = (data.draw(st.booleans()) for _ in range(4))
    for module, loops in (
        (MaxPool2dModule(kernel, stride, padding, dilation=dilation, ceil_mode=ceil_mode), pools.max_pool),
        (AvgPool2dModule(kernel, stride, padding, ceil_mode=ceil_mode, count_include_pad=include), pools.avg_pool),
    ):
        assume(min(module.windows.out_size(*shape[2:])) > 0)
        assume(min(shape[2:]) >= max(dilation) or padding == (0, 0))
        x = drawn(shape, 3, inner=inner, tied=tied)
        np.testing.assert_allclose(module.forward(x), loops(x, **module._op_kwargs()), rtol=1e-13)
        assert gradcheck(module, drawn(shape, 3, inner=inner), max_entries=8).worst.quotient < 1e-13


@settings(max_examples=40, deadline=None, derandomize=True)
@given(shapes, pairs, st.booleans())
def test_adaptive_pools_of_all_shapes(shape: tuple[int, ...], size: Any, inner: bool) -> None:
    module, x = AdaptiveAvgPool2dModule(size), drawn(shape, 3, inner=inner)
    np.testing.assert_allclose(module.forward(x), pools.adaptive_avg_pool(x, size=size), rtol=1e-13, atol=1e-15)
    assert gradcheck(module, x, max_entries=8).worst.quotient < 1e-13


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.booleans())
def test_as_many_windows_as_pytorch_has(size: int, kernel: int, stride: int, padding: int, include: bool) -> None:
    torch = pytest.importorskip("torch")
    assume(2 * padding <= kernel)
    for ceil_mode in (False, True):
        pool = AvgPool2dModule(kernel, stride, padding, ceil_mode=ceil_mode, count_include_pad=include)
        x, options = drawn((1, 1, size, size + 1), 2), (kernel, stride, padding, ceil_mode, include)
        if min(pool.windows.out_size(size, size + 1)) < 1:
            with pytest.raises(ShapeError):
                pool.forward(x)
            continue
        theirs = torch.nn.functional.avg_pool2d(torch.tensor(x), *options).numpy()
        np.testing.assert_allclose(pool.forward(x), theirs, rtol=1e-13, atol=1e-15)


def test_the_padding_of_a_dilated_window_never_has_a_gradient() -> None:
    """A window whose places lie on both sides of the image is refused: it has no maximum."""
    pool = MaxPool2dModule((2, 1), 1, (1, 0), dilation=(2, 1))
    with pytest.raises(ShapeError, match=r"every window must have a place on x, got \(1, 1, 1, 3\)"):
        pool.forward(np.ones((1, 1, 1, 3)))
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    np.testing.assert_array_equal(pool.forward(x), [[[[3, 4, 5], [0, 1, 2]]]])
    np.testing.assert_array_equal(pool.backward(np.ones((1, 1, 2, 3))), np.ones((1, 1, 2, 3)))


def test_of_equal_numbers_the_first_has_the_gradient() -> None:
    x = np.array([[[[1.0, 2, 2], [2, 0, 0], [0, 0, 2]]]])
    pool = MaxPool2dModule(2, 1)
    np.testing.assert_array_equal(pool.forward(x), [[[[2, 2], [2, 2]]]])
    np.testing.assert_array_equal(pool.backward(np.array([[[[1.0, 10], [100, 1000]]]])), [
        [[[0, 11, 0], [100, 0, 0], [0, 0, 1000]]]
    ])  # fmt: skip


def test_a_maximum_below_zero_beats_the_padding_and_a_nan_goes_through() -> None:
    pool = MaxPool2dModule(3, 2, 1)
    assert (pool.forward(np.full((1, 1, 4, 4), -5.0)) == -5).all()
    assert np.isnan(pool.forward(np.full((1, 1, 2, 2), np.nan))).all()


@pytest.mark.parametrize("inner", [True, False])
@pytest.mark.parametrize("pool", [MaxPool2dModule(2), MaxPool2dModule(3, 2, 1), MaxPool2dModule((2, 3), 1)])
def test_images_are_pooled_in_blocks_as_each_alone(pool: MaxPool2dModule, inner: bool) -> None:
    """Two blocks of one size and a shorter one; ties and a NaN among them; dout in another memory order."""
    x = drawn((35, 8, 33, 31), 6, inner=inner, tied=True)
    x[9, 2, 5, 7] = np.nan
    blocks = blocks_of_images(lambda images, *_: len(images), x, pool.windows, np.dtype(np.uint8))
    assert [size for _, size in blocks] == [16, 16, 3]
    out, dout = pool.forward(x), drawn(pool.forward(x).shape, 7)
    dx = pool.backward(dout)
    assert dx is not None
    assert (out.strides[1] == out.itemsize) == (dx.strides[1] == dx.itemsize) == inner
    for n in range(len(x)):
        np.testing.assert_array_equal(pool.forward(x[n : n + 1]), out[n : n + 1])
        np.testing.assert_array_equal(pool.backward(dout[n : n + 1]), dx[n : n + 1])


def test_small_images_share_their_buffers_and_nothing_else() -> None:
    """Pools of one size take turns, in two threads, and with more sizes than are kept."""
    pools = [MaxPool2dModule(3, 2, 1), MaxPool2dModule(2, 3), MaxPool2dModule(3, 2, 1)]
    images = [drawn((2, 3, size, size), size, inner=True) for size in (*range(6, 17), 6)]

    def pooled(turns: list[tuple[MaxPool2dModule, Array]]) -> list[Array]:
        outs = [pool.forward(x) for pool, x in turns]
        return outs + [cast(Array, pool.backward(out)) for (pool, _), out in zip(turns, outs, strict=True)]

    turns = [[(copy.deepcopy(pool), x) for x in images] for pool in pools]
    alone = [pooled(turn) for turn in turns]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(pooled, turns))
    for found, wanted in zip(together, alone, strict=True):
        for array, other in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(array, other)
            assert not np.shares_memory(array, other)
    for x in images[:2]:  # what a pool has returned does not change when the next one runs
        first = pools[0].forward(x)
        kept = first.copy()
        pools[2].forward(-x)
        np.testing.assert_array_equal(first, kept)


def test_large_kernels_number_their_places_beyond_a_byte() -> None:
    x = np.zeros((1, 1, 20, 20))
    x[0, 0, 19, 18] = 1
    pool = MaxPool2dModule(20)
    assert pool.forward(x) == 1
    np.testing.assert_array_equal(pool.backward(np.ones((1, 1, 1, 1))), x)


def test_the_memory_order_of_a_weight_survives_the_flat_vector() -> None:
    conv = Conv2dModule(2, 3, (2, 1), rng=0)
    before = conv.params["weight"].copy()
    flat = FlatParameters(conv)
    weight = conv.params["weight"]
    np.testing.assert_array_equal(weight, before)
    assert weight.transpose(0, 2, 3, 1).flags.c_contiguous
    conv.backward(np.ones_like(conv.forward(drawn((1, 2, 3, 3), 0))))
    np.testing.assert_array_equal(
        flat.grads[: before.size].reshape(3, 2, 1, 2).transpose(0, 3, 1, 2), conv.grads["weight"]
    )


def test_an_input_layer_gives_no_gradient_to_its_input() -> None:
    conv = Conv2dModule(1, 2, 2, rng=0, input_layer=True)
    assert conv.backward(np.ones_like(conv.forward(np.ones((1, 1, 3, 3))))) is None
    assert conv.grads["bias"].tolist() == [4, 4]


def test_a_pass_holds_the_columns_of_a_block_of_images() -> None:
    conv = Conv2dModule(16, 64, 3, padding=1, winograd=False, strips=False, rng=0)
    x = drawn((32, 16, 16, 16), 0, inner=True)
    columns = x.nbytes * 9 / 8
    tracemalloc.start()
    conv.backward(conv.forward(x))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < columns + 8 * x.nbytes


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2dModule(0, 1, 1), "Conv2dModule: in_channels must be"),
        (lambda: Conv2dModule(1, True, 1), "Conv2dModule: out_channels must be"),
        (lambda: Conv2dModule(1, 1, 0), "Conv2dModule: kernel size must be an integer ≥ 1"),
        (lambda: Conv2dModule(1, 1, (1, 2, 3)), "kernel size must be"),
        (lambda: Conv2dModule(1, 1, 1, stride=0), "stride must be"),
        (lambda: Conv2dModule(1, 1, 1, padding=-1), "padding must be an integer ≥ 0"),
        (lambda: Conv2dModule(1, 1, 1, padding="full"), 'padding must be an integer ≥ 0, two of them, or "same"'),
        (lambda: Conv2dModule(1, 1, 3, 2, "same"), 'stride must be 1 with padding "same", got 2'),
        (lambda: Conv2dModule(1, 1, 1, dilation=0), "dilation must be an integer ≥ 1"),
        (lambda: Conv2dModule(4, 6, 1, groups=3), "groups must divide in_channels and out_channels, got 3, 4 and 6"),
        (lambda: Conv2dModule(4, 6, 1, groups=0), "Conv2dModule: groups must be an integer ≥ 1"),
        (lambda: MaxPool2dModule(2, padding="same"), "MaxPool2dModule: padding must be an integer ≥ 0"),
        (lambda: MaxPool2dModule(2, dilation=0), "MaxPool2dModule: dilation must be"),
        (lambda: AvgPool2dModule(2, ceil_mode=1), "AvgPool2dModule: ceil_mode must be True or False"),
        (lambda: AdaptiveAvgPool2dModule(0), "AdaptiveAvgPool2dModule: output_size must be"),
        (lambda: MaxPool2dModule(2, padding=2), "MaxPool2dModule: the padding must be at most half the kernel"),
        (lambda: AvgPool2dModule(2.0), "AvgPool2dModule: kernel size must be"),
        (lambda: UnflattenModule(1, 0, 2), "UnflattenModule: height must be"),
    ],
)
def test_sizes_that_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make()


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (Conv2dModule(3, 4, 3), (2, 3072), r"Conv2dModule\(3 → 4\).forward: x must be \(N, 3, H, W\), got \(2, 3072\)"),
        (Conv2dModule(3, 4, 3), (2, 3, 2, 5), r"at least as large as the kernel \(3, 3\), got \(2, 3, 2, 5\)"),
        (Conv2dModule(3, 4, 2, dilation=3), (2, 3, 2, 5), r"as the extent of the dilated kernel \(4, 4\), got"),
        (AdaptiveAvgPool2dModule(2), (2, 27), r"AdaptiveAvgPool2dModule\(2\).forward: x must be \(N, C, H, W\), got"),
        (MaxPool2dModule(3), (2, 3, 2, 5), r"MaxPool2dModule\(3, stride=3, padding=0\).forward"),
        (UnflattenModule(1, 2, 2), (2, 5), r"UnflattenModule\(1, 2, 2\).forward: x must be \(N, 4\), got \(2, 5\)"),
    ],
)
def test_images_that_do_not_fit(module: Module, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        module.forward(np.ones(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("n_out", "kernel", "stride", "padding", "groups"),
    [(2, 3, 1, 1, 1), (3, (2, 3), (1, 2), (1, 0), 1), (6, 5, 1, 0, 1), (40, 3, 1, 1, 1), (6, 3, 1, 1, 2)],
)
def test_what_is_not_finite_touches_the_windows_that_see_it_alone(
    n_out: int, kernel: Any, stride: Any, padding: Any, groups: int, value: float
) -> None:
    module, x = Conv2dModule(2, n_out, kernel, stride, padding, groups=groups, rng=0), drawn((2, 2, 6, 9), 1)
    clean = module.forward(x).copy()
    dout = drawn(clean.shape, 2)
    (kh, kw), (sh, sw), (ph, pw) = module.windows.kernel, module.windows.stride, module.windows.padding
    bad, sees = x.copy(), np.zeros(clean.shape, bool)
    bad[1, 0, 3, 4] = value
    for i, j in np.ndindex(*clean.shape[2:]):
        sees[1, : n_out // groups, i, j] = 0 <= 3 - (i * sh - ph) < kh and 0 <= 4 - (j * sw - pw) < kw
    out = module.forward(bad)
    np.testing.assert_array_equal(np.isfinite(out), ~sees)
    np.testing.assert_allclose(out[~sees], clean[~sees], rtol=1e-12, atol=1e-13)
    module.forward(x)
    dout[0, 0, 1, 1] = value
    seen = np.zeros(x.shape, bool)
    seen[0, : 2 // groups, max(0, sh - ph) : sh - ph + kh, max(0, sw - pw) : sw - pw + kw] = True
    np.testing.assert_array_equal(np.isfinite(module.backward(dout)), ~seen)
    assert np.isfinite(module.grads["weight"][1:]).all()


def test_the_gradient_of_a_weight_in_c_order() -> None:
    """More kernels than go side by side, and a weight whose memory is no matrix (M, KH·KW·C)."""
    x, weight = drawn((2, 3, 5, 6), 1), drawn((40, 3, 3, 3), 2)
    module, over = Conv2dModule(3, 40, 3, padding=1, rng=0), Windows((3, 3), (1, 1), (1, 1))
    module.params["weight"] = weight
    dout = drawn(module.forward(x).shape, 3)
    module.backward(dout)
    context = Context()
    Conv2d.forward(context, x, weight, over=over)
    context.into = (None, np.empty_like(weight))
    _, dweight = Conv2d.backward(context, dout)
    assert dweight is context.into[1]
    assert dweight.flags.c_contiguous
    np.testing.assert_allclose(dweight, module.grads["weight"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mean_within_the_range_of_a_sum_beyond_it(dtype: type) -> None:
    largest = np.finfo(dtype).max
    x = np.full((1, 1, 4, 4), largest, dtype)
    x[0, 0, :2, 2:] = [[1, 2], [3, 4]]
    for pool in (AvgPool2dModule(2), AvgPool2dModule(2, count_include_pad=False), AdaptiveAvgPool2dModule(2)):
        out = pool.forward(x)
        np.testing.assert_allclose(out[0, 0], [[largest, 2.5], [largest, largest]], rtol=1e-6)


@pytest.mark.parametrize("padding", [0, 1])
def test_the_share_of_an_average_pool_that_falls_on_the_padding_is_lost(padding: int) -> None:
    pool, x = AvgPool2dModule(3, 2, padding), drawn((1, 2, 7, 7), 4)
    dout = drawn(pool.forward(x).shape, 5)
    n_rows = [min(7, i * 2 - padding + 3) - max(0, i * 2 - padding) for i in range(dout.shape[2])]
    share = np.outer(n_rows, n_rows) / 9
    np.testing.assert_allclose(pool.backward(dout).sum(), (dout * share).sum(), rtol=1e-12)


def test_the_maximum_of_complex_numbers_is_that_of_their_real_parts() -> None:
    x = np.array([[[[1 + 5j, 2 - 1j], [np.nan + 1j, 3]]]])
    pool = MaxPool2dModule((1, 2))
    np.testing.assert_array_equal(pool.forward(x).real.ravel(), [2, np.nan])
    np.testing.assert_array_equal(pool.backward(np.ones((1, 1, 2, 1))), [[[[0, 1], [1, 0]]]])


def test_windows_are_as_large_as_an_index_reaches() -> None:
    assert windows("Who", LARGEST, (1, LARGEST), LARGEST) == Windows((LARGEST,) * 2, (1, LARGEST), (LARGEST,) * 2)
    for arguments in (
        (LARGEST + 1, 1, 0),
        (1, (1, LARGEST + 1), 0),
        (1, 1, LARGEST + 1),
        (0, 1, 0),
        (1, 0, 0),
        (1, 1, -1),
    ):
        with pytest.raises(OptionError, match="Who: .* must be an integer ≥ [01], or two of them, got"):
            windows("Who", *arguments)


@settings(max_examples=60)
@given(*[st.tuples(st.integers(low, high), st.integers(low, high)) for low, high in ((1, 4), (1, 5), (0, 3), (1, 6))])
def test_rows_and_offsets_are_the_pixels_of_the_windows(
    kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], size: tuple[int, int]
) -> None:
    over, (height, width) = Windows(kernel, stride, padding), size
    n_rows, n_columns = over.out_size(*size)
    if min(n_rows, n_columns) < 1:
        return
    # h = i s + u − p, for every window and place whose pixel is on the image
    expected = {
        (i, j, u, v, i * stride[0] + u - padding[0], j * stride[1] + v - padding[1])
        for i, j, u, v in np.ndindex(n_rows, n_columns, *kernel)
    }
    expected = {each for each in expected if 0 <= each[4] < height and 0 <= each[5] < width}
    lines, columns = range(height), range(width)
    found = [
        (i, j, *place, h, w)
        for place, (_, _, rows, pixels), (_, _, down, across) in over.offsets(height, width)
        for i, h in zip(range(n_rows)[down], lines[rows], strict=True)
        for j, w in zip(range(n_columns)[across], columns[pixels], strict=True)
    ]
    assert sorted(found) == sorted(expected)
    found = [
        (i, j, u, v, h, w)
        for u, j, rows, pixels, down, places in over.rows(height, width)
        for i, h in zip(range(n_rows)[down], lines[rows], strict=True)
        for v, w in zip(range(kernel[1])[places], columns[pixels], strict=True)
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("padding", [10**7, 2**62, (0, 2**62)])
def test_padding_beyond_the_memory_is_refused(padding: Any) -> None:
    layer = Conv2dModule(1, 1, 2, padding=padding, rng=0)
    with pytest.raises(OptionError, match="padding: an array of .* must have at most"):
        layer.forward(np.ones((1, 1, 4, 4)))
    with pytest.raises(OptionError, match="must have at most"):
        AdaptiveAvgPool2dModule(2**40).forward(np.ones((1, 1, 4, 4)))


def test_a_stride_beyond_the_image_leaves_one_window() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    layers = [
        Conv2dModule(3, 2, (2, 1), stride=stride, dilation=(1, apart), rng=0)
        for stride, apart in ((9, 1), (2**62, 2**62))
    ]
    outs = [layer.forward(x) for layer in layers]
    gradients = [layer.backward(np.ones((2, 2, 1, 1))) for layer in layers]
    np.testing.assert_array_equal(*outs)
    np.testing.assert_array_equal(*gradients)
