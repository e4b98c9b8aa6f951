"""Answers to every exercise: the right one, and typical wrong ones with the name that the mistake must get."""

from __future__ import annotations

from typing import NamedTuple


class Answers(NamedTuple):
    """Bodies of backward: the right one, and wrong ones by the mistake's name."""

    right: str
    wrong: dict[str, str]


_BATCH_NORM = "r = 1 / np.sqrt(x.var(axis=0) + eps)\nx_hat = r * (x - x.mean(axis=0))\n"
_OF_BATCH_NORM = "dbeta, dgamma = dout.sum(axis=0), (dout * x_hat).sum(axis=0)\n"
_LAYER_NORM = (
    "r = 1 / np.sqrt(x.var(axis=1, keepdims=True) + eps)\n"
    "x_hat, g = r * (x - x.mean(axis=1, keepdims=True)), dout * gamma\n"
)
_SOFTMAX = "s = forward(x)\n"
_SCORES = "e = np.exp(x - x.max(axis=1, keepdims=True))\ns = e / e.sum(axis=1, keepdims=True)\n"
_MLP = "a = x @ w1.T + b1\nh = np.maximum(a, 0)\n"
_OF_MLP = "return da.T @ x, da.sum(axis=0), dout.T @ h, dout.sum(axis=0)"
_RESIDUAL = "a = x @ weight.T\nda = dout * (a > 0)\n"
_POOL = (
    "n, c, h, w = x.shape\n"
    "windows = x.reshape(n, c, h // size, size, w // size, size).transpose(0, 1, 2, 4, 3, 5)\n"
    "flat = windows.reshape(*windows.shape[:4], size * size)\n"
)
_UNPOOL = "return d.reshape(windows.shape).transpose(0, 1, 2, 4, 3, 5).reshape(x.shape)"
_CONV = "k, high, wide = weight.shape[2], dout.shape[2], dout.shape[3]\n"
_DWEIGHT = (
    _CONV + "dweight = np.zeros_like(weight)\n"
    "for u in range(k):\n"
    "    for v in range(k):\n"
    "        pixels = x[:, :, u : u + high, v : v + wide]\n"
    "        dweight[:, :, u, v] = np.einsum('nmhw,nchw->mc', dout, pixels)\n"
)
_DX = (
    _CONV + "dx = np.zeros_like(x)\n"
    "for u in range(k):\n"
    "    for v in range(k):\n"
    "        dx[:, :, u : u + high, v : v + wide] += np.einsum('nmhw,mc->nchw', dout, weight[:, :, {}])\n"
    "return dx"
)

ANSWERS = {
    "square": Answers(
        "return 2 * x * dout",
        {
            "dout taken for 1": "return 2 * x",
            "without the exponent as a factor": "return x * dout",
            "the exponent alone": "return 2 * dout",
            "with the exponent not lowered": "return 2 * x**2 * dout",
        },
    ),
    "add": Answers(
        "return dout, dout.sum(axis=0)",
        {
            "not summed over axis 0": "return dout, dout",
            "divided by N again": "return dout, dout.mean(axis=0)",
            "dout taken for 1": "return np.ones_like(x), np.full_like(b, len(x))",
            "negated": "return dout, -dout.sum(axis=0)",
        },
    ),
    "multiply": Answers(
        "return dout * w, dout * x",
        {
            "its own factor instead of the other one": "return dout * x, dout * w",
            "dout taken for 1": "return w, x",
            "dout in its place": "return dout, dout * x",
        },
    ),
    "linear_dx": Answers(
        "return dout @ weight",
        {
            "dx with the weight transposed, where it is square": "return dout @ weight.T",
            "divided by N again": "return dout @ weight / len(x)",
            "dout taken for 1": "return np.ones_like(dout) @ weight",
            "negated": "return -dout @ weight",
        },
    ),
    "linear_dweight": Answers(
        "return dout.T @ x",
        {
            "transposed where square": "return x.T @ dout",
            "divided by N again": "return dout.T @ x / len(x)",
            "dout taken for 1": "return np.ones_like(dout).T @ x",
            "not summed over axis 0": "return dout[:, :, np.newaxis] * x[:, np.newaxis, :]",
        },
    ),
    "linear_dbias": Answers(
        "return dout.sum(axis=0)",
        {
            "not summed over axis 0": "return dout",
            "divided by N again": "return dout.mean(axis=0)",
            "dbias summed over the wrong axis, where it fits": "return dout.sum(axis=1)",
        },
    ),
    "relu": Answers(
        "return dout * (x > 0)",
        {
            "at 0 the slope from above": "return dout * (x >= 0)",
            "a mask of dout instead of x": "return dout * (dout > 0)",
            "mask from the wrong side": "return dout * (x <= 0)",
            "dout taken for 1": "return (x > 0).astype(x.dtype)",
            "dout in its place": "return dout.copy()",
        },
    ),
    "leaky_relu": Answers(
        "return np.where(x > 0, dout, alpha * dout)",
        {
            "at 0 the slope from above": "return np.where(x >= 0, dout, alpha * dout)",
            "below 0 the slope 0, as of a ReLU": "return dout * (x > 0)",
            "a mask of dout instead of x": "return np.where(dout > 0, dout, alpha * dout)",
        },
    ),
    "sigmoid": Answers(
        "out = forward(x)\nreturn dout * out * (1 - out)",
        {
            "x(1 − x), the slope formula given x instead of σ(x)": "return dout * x * (1 - x)",
            "1 − out alone": "return dout * (1 - forward(x))",
            "out alone": "return dout * forward(x)",
            "the sigmoid applied to its output again": "s = forward(forward(x))\nreturn dout * s * (1 - s)",
            "dout taken for 1": "return forward(x) * (1 - forward(x))",
        },
    ),
    "tanh": Answers(
        "return dout * (1 - np.tanh(x) ** 2)",
        {
            "1 − out, without the square": "return dout * (1 - np.tanh(x))",
            "1 − x², the slope formula given x instead of tanh x": "return dout * (1 - x**2)",
            "out (1 − out), the slope of a sigmoid": "return dout * np.tanh(x) * (1 - np.tanh(x))",
        },
    ),
    "softmax": Answers(
        f"{_SOFTMAX}return s * (dout - (dout * s).sum(axis=1, keepdims=True))",
        {
            "the diagonal of the Jacobian alone": f"{_SOFTMAX}return dout * s * (1 - s)",
            "S ⊙ dout without the sum over the row": f"{_SOFTMAX}return dout * s",
            "the sum over the batch": f"{_SOFTMAX}return s * (dout - (dout * s).sum(axis=0))",
        },
    ),
    "cross_entropy": Answers(
        "return -dout * y / p / len(p)",
        {
            "the mean not divided by N": "return -dout * y / p",
            "1e-8 in the denominator": "return -dout * y / (p + 1e-8) / len(p)",
            "−y without the division by p": "return -dout * y / len(p)",
            "negated": "return dout * y / p / len(p)",
        },
    ),
    "softmax_cross_entropy": Answers(
        f"{_SCORES}return dout * (s - y) / len(x)",
        {
            "times N": f"{_SCORES}return dout * (s - y)",
            "negated": f"{_SCORES}return dout * (y - s) / len(x)",
            "S without − y": f"{_SCORES}return dout * s / len(x)",
            "the diagonal of the softmax's Jacobian alone": f"{_SCORES}return dout * y * (s - 1) / len(x)",
        },
    ),
    "mse": Answers(
        "return 2 * dout * (x - y) / x.size",
        {
            "without its 2": "return dout * (x - y) / x.size",
            "the mean divided by N alone": "return 2 * dout * (x - y) / len(x)",
            "negated": "return 2 * dout * (y - x) / x.size",
        },
    ),
    "mlp": Answers(
        f"{_MLP}da = (dout @ w2) * (a > 0)\n{_OF_MLP}",
        {
            "in layer 2, ReLU, dx: dout in its place": f"{_MLP}da = dout @ w2\n{_OF_MLP}",
            "in layer 2, ReLU: at 0 the slope from above": f"{_MLP}da = (dout @ w2) * (a >= 0)\n{_OF_MLP}",
            "in layer 2, ReLU: a mask of dout instead of x": f"{_MLP}dh = dout @ w2\nda = dh * (dh > 0)\n{_OF_MLP}",
            "in layer 3, Linear: divided by N again": f"{_MLP}da = (dout @ w2) * (a > 0)\n"
            "return da.T @ x, da.sum(axis=0), dout.T @ h / len(x), dout.sum(axis=0)",
        },
    ),
    "dropout": Answers(
        "return dout * mask / (1 - p)",
        {
            "without 1/(1 − p) in the forward": "return dout * mask",
            "dout in its place": "return dout.copy()",
            "dout taken for 1": "return mask / (1 - p)",
        },
    ),
    "residual": Answers(
        f"{_RESIDUAL}return dout + da @ weight, da.T @ x",
        {
            "without the shortcut": f"{_RESIDUAL}return da @ weight, da.T @ x",
            "the shortcut alone": f"{_RESIDUAL}return dout.copy(), da.T @ x",
            "in layer 2, ReLU, dx: dout in its place": "return dout + dout @ weight, dout.T @ x",
        },
    ),
    "batch_norm_scale": Answers(
        f"{_BATCH_NORM}return (dout * x_hat).sum(axis=0), dout.sum(axis=0)",
        {
            "dγ from x instead of x̂": "return (dout * x).sum(axis=0), dout.sum(axis=0)",
            "dγ and dβ exchanged": f"{_BATCH_NORM}return dout.sum(axis=0), (dout * x_hat).sum(axis=0)",
            "divided by N again": f"{_BATCH_NORM}return (dout * x_hat).mean(axis=0), dout.sum(axis=0)",
            "not summed over axis 0": f"{_BATCH_NORM}return dout * x_hat, dout.sum(axis=0)",
        },
    ),
    "batch_norm": Answers(
        f"{_BATCH_NORM}{_OF_BATCH_NORM}return gamma * r * (dout - (dbeta + x_hat * dgamma) / len(x))",
        {
            "without its two mean terms": f"{_BATCH_NORM}return gamma * r * dout",
            "without the term of σ²": f"{_BATCH_NORM}return gamma * r * (dout - dout.mean(axis=0))",
            "without the term of μ": f"{_BATCH_NORM}return gamma * r * (dout - x_hat * (dout * x_hat).mean(axis=0))",
            "without γ": f"{_BATCH_NORM}{_OF_BATCH_NORM}return r * (dout - (dbeta + x_hat * dgamma) / len(x))",
        },
    ),
    "batch_norm_inference": Answers(
        "return dout * gamma / np.sqrt(variance + eps)",
        {
            "without γ": "return dout / np.sqrt(variance + eps)",
            "dout taken for 1": "return np.ones_like(dout) * gamma / np.sqrt(variance + eps)",
            "the mean terms of training": "r = 1 / np.sqrt(variance + eps)\nx_hat = r * (x - mean)\n"
            f"{_OF_BATCH_NORM}return gamma * r * (dout - (dbeta + x_hat * dgamma) / len(x))",
        },
    ),
    "layer_norm": Answers(
        f"{_LAYER_NORM}mean = g.mean(axis=1, keepdims=True)\n"
        "return r * (g - mean - x_hat * (g * x_hat).mean(axis=1, keepdims=True))",
        {
            "means over the batch": f"{_LAYER_NORM}return r * (g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0))",
            "the statistics taken for constants": f"{_LAYER_NORM}return r * g",
            "γ outside the means, as in batch normalization": f"{_LAYER_NORM}g = dout\n"
            "mean = g.mean(axis=1, keepdims=True)\n"
            "return gamma * r * (g - mean - x_hat * (g * x_hat).mean(axis=1, keepdims=True))",
        },
    ),
    "max_pool": Answers(
        f"{_POOL}d = (np.arange(size**2) == flat.argmax(-1)[..., None]) * dout[..., None]\n{_UNPOOL}",
        {
            "to all maxima": f"{_POOL}d = (flat == flat.max(-1, keepdims=True)) * dout[..., None]\n{_UNPOOL}",
            "to the last maximum": f"{_POOL}at = size**2 - 1 - flat[..., ::-1].argmax(-1)[..., None]\n"
            f"d = (np.arange(size**2) == at) * dout[..., None]\n{_UNPOOL}",
            "shared by the whole window, as in average pooling": f"{_POOL}"
            f"d = np.ones_like(flat) * dout[..., None] / size**2\n{_UNPOOL}",
        },
    ),
    "conv_dweight": Answers(
        f"{_DWEIGHT}return dweight, dout.sum(axis=(0, 2, 3))",
        {
            "dweight with its places reversed": f"{_DWEIGHT}return dweight[:, :, ::-1, ::-1], dout.sum(axis=(0, 2, 3))",
            "not summed over axes 1, 2": f"{_DWEIGHT}return dweight, dout.sum(axis=0)",
            "divided by N again": f"{_DWEIGHT}return dweight / len(x), dout.sum(axis=(0, 2, 3))",
        },
    ),
    "conv_dx": Answers(
        _DX.format("u, v"),
        {
            "the kernel not flipped for dx": _DX.format("k - 1 - u, k - 1 - v"),
            "divided by N again": _DX.format("u, v") + " / len(x)",
            "negated": _DX.format("u, v").replace("return ", "return -"),
        },
    ),
}


def with_backward(template: str, body: str) -> str:
    """The file of an exercise with a body of backward in place of the empty one."""
    empty = '    raise NotImplementedError("write this backward")\n'
    assert template.count(empty) == 1
    return template.replace(empty, "".join(f"    {line}\n" for line in body.splitlines()))
