"""A loss on scores is not fed probabilities, nor the reverse: refused where model and loss first meet."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import (
    MLP,
    BCEModule,
    BCEWithLogitsModule,
    CrossEntropyModule,
    HingeModule,
    IdentityModule,
    KLDivergenceModule,
    LeakyReLUModule,
    LinearModule,
    LogSoftMaxModule,
    LossModule,
    Module,
    MSEModule,
    NLLModule,
    Residual,
    Sequential,
    SigmoidModule,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
)
from mlp_numpy.autodiff import Linear
from mlp_numpy.errors import OptionError
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.modules import TapeModule, check_loss_matches

SCORES = [
    LinearModule(2, 2),
    MLP(2, [], 2).logits,
    Sequential(LinearModule(2, 2), LeakyReLUModule(0.1)),
    Residual(LinearModule(2, 2), SoftMaxModule()),
]
PROBABILITIES = [SoftMaxModule(), SigmoidModule(), MLP(2, [], 2), Sequential(MLP(2, [3], 2), IdentityModule())]
LOGARITHMS = [LogSoftMaxModule(), Sequential(LinearModule(2, 2), LogSoftMaxModule())]
ANYTHING = [IdentityModule(), Sequential(IdentityModule()), TapeModule(Linear(2, 2))]
TAKERS: list[tuple[list[LossModule], list[Module]]] = [
    ([SoftMaxCrossEntropyModule(), BCEWithLogitsModule(), HingeModule()], SCORES),
    ([CrossEntropyModule(), BCEModule()], PROBABILITIES),
    ([NLLModule(), KLDivergenceModule()], LOGARITHMS),
    ([MSEModule()], SCORES + PROBABILITIES + LOGARITHMS),
]


@pytest.mark.parametrize("losses, fitting", TAKERS)
def test_only_what_fits_is_let_through(losses: list[LossModule], fitting: list[Module]) -> None:
    for loss in losses:
        for model in SCORES + PROBABILITIES + LOGARITHMS + ANYTHING:
            if model in fitting + ANYTHING:
                check_loss_matches(model, loss)
            else:
                with pytest.raises(OptionError, match="must be given") as caught:
                    check_loss_matches(model, loss)
                for word in (repr(model), repr(loss), model.output_kind, loss.input_kind, "Hint: "):
                    assert word in str(caught.value)


def test_the_gradient_check_asks() -> None:
    with pytest.raises(OptionError, match=r"must be given scores, but MLP.* gives probabilities. Hint: .*\.logits"):
        gradcheck(MLP(2, [], 2), np.ones((1, 2)), np.array([0]), loss=SoftMaxCrossEntropyModule())
