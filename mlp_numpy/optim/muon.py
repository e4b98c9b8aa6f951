"""Muon: momentum whose steps are orthogonalized, for the matrices of a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.checks import FRACTION, POSITIVE, choice, flag, number, shown, whole_number
from mlp_numpy.errors import OptionError, unknown_name
from mlp_numpy.optim.adam import Rates, adam_update
from mlp_numpy.optim.blocks import split
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer, update_moment

StepScale: TypeAlias = Literal["original", "match_rms_adamw"]
_QUINTIC: Final = (3.4445, -4.7750, 2.0315)


class Muon(Optimizer):
    """Muon for the matrices, AdamW for everything else, in place.

        matrices                                                  of shape (r, c)
        w ← w − lr·wd·w                                           (only with weight decay)
        b ← b + (1 − μ)(g − b)
        u = g + μ (b − g)   (nesterov)    or    b
        w ← w − lr·s·O(u)                                         O(u) ≈ U Vᵀ for u = U S Vᵀ, by Newton–Schulz
        s = √max(1, r/c)    ("original")    or    0.2 √max(r, c)  ("match_rms_adamw")

        everything else
        AdamW with the learning rate lr·f

    A matrix is a parameter of two or more dimensions; a convolution's weight (out, in, h, w) is the matrix
    (out, in·h·w). Parameters of one dimension (biases, a normalization's gamma and beta) go to AdamW, and so do those
    whose dotted names are in ``adamw_on``, as Jordan recommends for embeddings and the output layer.

    lr               the learning rate, > 0; may be changed between steps
    momentum         μ in [0, 1)
    nesterov         Nesterov momentum
    ns_steps         iterations of Newton–Schulz, ≥ 1
    scale            s: longer steps of tall matrices, or steps with about the root mean square of AdamW's, 0.2
    adamw_on         names of matrices for AdamW
    adamw_lr_factor  f > 0; 1 fits "match_rms_adamw"
    beta1, beta2     AdamW's decay rates, in [0, 1)
    eps              AdamW's ε, > 0
    weight_decay     wd ≥ 0, of what ``decay`` names: "all" parameters or the "weights"; in AdamW's part lr·f·wd
    maximize         ascend: g ← −g before everything else

    The state is as long as Adam's: "m" is b for a matrix, and its part of "v" stays 0.

    Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; order of operations as in
    ``torch.optim.Muon``, which takes matrices only and orthogonalizes in bfloat16, here in the parameters' dtype.
    "match_rms_adamw": Liu et al. 2025, "Muon is Scalable for LLM Training", section 2.2.

    Raises OptionError for settings outside these bounds, and if there is no matrix.
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float = 2e-2,
        *,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        scale: StepScale = "original",
        adamw_on: Sequence[str] = (),
        adamw_lr_factor: float = 0.015,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decay: DecayScope = "all",
        maximize: bool = False,
    ) -> None:
        self.momentum = number("Muon", "momentum", momentum, FRACTION)
        self.nesterov = flag("Muon", "nesterov", nesterov)
        self.ns_steps = whole_number("Muon", "ns_steps", ns_steps)
        choice("Muon", "scale", scale, get_args(StepScale))
        self.scale: StepScale = scale
        self.adamw_lr_factor = number("Muon", "adamw_lr_factor", adamw_lr_factor, POSITIVE)
        self.beta1 = number("Muon", "beta1", beta1, FRACTION)
        self.beta2 = number("Muon", "beta2", beta2, FRACTION)
        options: dict[str, Any] = {"weight_decay": weight_decay, "decay": decay, "maximize": maximize}
        super().__init__(parameters, lr, slots=("m", "v"), **options)
        self.eps = self._denominator_eps(eps)
        self.adamw_on = _names(parameters, adamw_on)
        weights = [name for name, shape in parameters.shapes.items() if len(shape) > 1]
        self._matrices = [name for name in weights if name not in self.adamw_on]
        if not self._matrices:
            raise OptionError(
                f"Muon: parameters must hold a matrix that is not in adamw_on, got {parameters.shapes}. Hint: AdamW."
            )
        self._parts = [
            part
            for name, where in parameters.slices.items()
            if name not in self._matrices
            if parameters.factors(name).lr
            for part in split(where.start, where.stop, self._decay_of(name), self._block, parameters.factors(name).lr)
        ]

    def _decay_of(self, name: str) -> float:
        """The weight decay of an array in AdamW's part, for a learning rate of lr."""
        decayed = self.decay == "all" or len(self.parameters.shapes[name]) > 1
        own = self.parameters.factors(name).decay
        return self.weight_decay * self.adamw_lr_factor * own if decayed else 0.0

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        super().step()
        for name in self._matrices:
            lr_factor, decay_factor = self.parameters.factors(name)
            if lr_factor:
                self._update_matrix(name, self.lr * lr_factor, self.weight_decay * decay_factor)

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        rates = Rates(lr * self.adamw_lr_factor, self.beta1, self.beta2, self.eps, self.steps)
        adam_update(w, g, slots, scratch[0], rates)

    def _update_matrix(self, name: str, lr: float, wd: float) -> None:
        where = self.parameters.slices[name]
        w, g, b = self.parameters.values[where], self.parameters.grads[where], self._slots["m"][where]
        if self.maximize:
            g = -g
        work = np.empty_like(b)
        update_moment(b, g, self.momentum, work)  # b ← b + (1 − μ)(g − b)
        u = b
        if self.nesterov:
            u = np.subtract(b, g, out=work)  # u = g + μ (b − g)
            u *= self.momentum
            u += g
        if wd:
            w *= 1 - lr * wd  # w ← w − lr·wd·w
        matrix = self.parameters.view(name, u)
        rows = matrix.reshape(len(matrix), -1)
        step = lr * self._scale_of(rows.shape) * orthogonalized(rows, self.ns_steps)  # w ← w − lr·s·O(u)
        self.parameters.view(name, w)[...] -= step.reshape(matrix.shape)

    def _scale_of(self, shape: tuple[int, ...]) -> float:
        rows, columns = shape
        return math.sqrt(max(1, rows / columns)) if self.scale == "original" else 0.2 * math.sqrt(max(rows, columns))


def orthogonalized(u: Array, steps: int = 5) -> Array:
    """
    Forward     X ← a X + (b A + c A²) X    A = X Xᵀ    ``steps`` times, from u / max(‖u‖, 1e-7)
    Shapes      u, X (r, c); a matrix of more rows than columns is transposed first, so that A is the smaller one
    Reference   Jordan et al. 2024: the quintic a s + b s³ + c s⁵ acts on each singular value s and moves those from
                about 0.003 to 1 into [0.7, 1.2] in 5 steps; u Vᵀ of the singular value decomposition up to that

    The result is 0 for a matrix of zeros.
    """
    a, b, c = _QUINTIC
    x: Array = u if len(u) <= u.shape[1] else u.T
    with np.errstate(over="ignore"):
        norm = float(np.linalg.norm(x))
    if norm == math.inf and all_finite(x):  # only the square of the norm overflows
        x = np.ldexp(x, -np.frexp(np.abs(x).max())[1])
        norm = float(np.linalg.norm(x))
    x = x / max(norm, 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if len(u) <= u.shape[1] else x.T


def _names(parameters: FlatParameters, names: Any) -> tuple[str, ...]:
    """The dotted names ``adamw_on`` as a tuple; raises OptionError for anything else."""
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise OptionError(f"Muon: adamw_on must be a list of names of arrays, got {shown(names)}.")
    for name in names:
        if not isinstance(name, str) or name not in parameters.slices:
            raise OptionError(f"Muon: adamw_on: {unknown_name('array', str(name), parameters.slices)}")
    return tuple(names)
