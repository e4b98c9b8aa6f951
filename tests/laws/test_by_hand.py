"""One network worked by hand, number by number.

    x = ( 1  2 )   y = 1          W1 = (1  0)   b1 = (0 0)   slope α = 1/2   W2 = (ln3  0)   b2 = (0 0)
        ( 0  0 )       0               (0 −1)                                     ( 1   1)

Forward, row 1:  z1 = W1 x = (1, −2)      a = (1, −1)      z2 = W2 a = (ln3, 1−1) = (ln3, 0)
                 p = (3, 1)/(3+1) = (3/4, 1/4)             loss = −ln 1/4 = ln 4
        row 2:  z1 = (0, 0)   a = (0, 0)   z2 = (0, 0)     p = (1/2, 1/2)       loss = −ln 1/2 = ln 2
        mean:   (ln 4 + ln 2) / 2 = 3/2 ln 2

Backward, everything divided by N = 2 once, at the loss:
        dz2 = (p − onehot(y)) / 2 = ( 3/8  −3/8)           (row 1: (3/4, 1/4 − 1) / 2)
                                    (−1/4   1/4)           (row 2: (1/2 − 1, 1/2) / 2)
        dW2 = dz2ᵀ a = ( 3/8 −3/8)     db2 = (3/8 − 1/4, −3/8 + 1/4) = (1/8, −1/8)
                       (−3/8  3/8)
        da  = dz2 W2 = ( 3/8 ln3 − 3/8   −3/8)
                       (−1/4 ln3 + 1/4    1/4)
        dz1 = da ⊙ s,  s = (1   1/2)                       (row 2 stands on the kink: slope α)
                           (1/2 1/2)
            = ( 3/8 ln3 − 3/8   −3/16)
              (−1/8 ln3 + 1/8    1/8 )
        dW1 = dz1ᵀ x = (3/8 ln3 − 3/8   3/4 ln3 − 3/4)     (row 2 has x = 0)
                       (    −3/16           −3/8     )
        db1 = (1/4 ln3 − 1/4, −1/16)
        dx  = dz1 W1 = ( 3/8 ln3 − 3/8    3/16)
                       (−1/8 ln3 + 1/8   −1/8 )
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlp_numpy import MLP, SGD, CrossEntropyModule, FlatParameters, SoftMaxCrossEntropyModule

LN3 = math.log(3)
X = np.array([[1.0, 2.0], [0.0, 0.0]])
Y = np.array([1, 0])
DW1 = [[3 / 8 * LN3 - 3 / 8, 3 / 4 * LN3 - 3 / 4], [-3 / 16, -3 / 8]]
DB1 = [1 / 4 * LN3 - 1 / 4, -1 / 16]
DW2 = [[3 / 8, -3 / 8], [-3 / 8, 3 / 8]]
DB2 = [1 / 8, -1 / 8]
DX = [[3 / 8 * LN3 - 3 / 8, 3 / 16], [-1 / 8 * LN3 + 1 / 8, -1 / 8]]


def network() -> MLP:
    model = MLP(2, [2], 2, neg_slope=0.5)
    first, _, second, _ = model
    first.params = {"weight": [[1.0, 0.0], [0.0, -1.0]], "bias": [0.0, 0.0]}
    second.params = {"weight": [[LN3, 0.0], [1.0, 1.0]], "bias": [0.0, 0.0]}
    return model


@pytest.mark.parametrize("fused", [False, True])
def test_every_number_of_forward_and_backward(fused: bool) -> None:
    model = network()
    np.testing.assert_allclose(model.forward(X), [[3 / 4, 1 / 4], [1 / 2, 1 / 2]], rtol=1e-15)
    net, loss = (model.logits, SoftMaxCrossEntropyModule()) if fused else (model, CrossEntropyModule())
    assert loss.forward(net.forward(X), Y) == pytest.approx(1.5 * math.log(2), rel=1e-15)
    dx = net.backward(loss.backward())
    np.testing.assert_allclose(dx, DX, rtol=1e-14)
    np.testing.assert_allclose(model[0].grads["weight"], DW1, rtol=1e-14)
    np.testing.assert_allclose(model[0].grads["bias"], DB1, rtol=1e-14)
    np.testing.assert_allclose(model[2].grads["weight"], DW2, rtol=1e-14)
    np.testing.assert_allclose(model[2].grads["bias"], DB2, rtol=1e-14)


def test_one_step_of_gradient_descent() -> None:
    model = network()
    optimizer = SGD(FlatParameters(model), lr=0.8)
    loss = CrossEntropyModule()
    loss.forward(model.forward(X), Y)
    model.backward(loss.backward())
    optimizer.step()
    # w − 0.8 g: 1 − 0.8 (3/8 ln3 − 3/8) = 1.3 − 0.3 ln3, and 0 − 0.8 (3/4 ln3 − 3/4) = 0.6 − 0.6 ln3, …
    weight = [[1.3 - 0.3 * LN3, 0.6 - 0.6 * LN3], [0.15, -0.7]]
    np.testing.assert_allclose(model[0].params["weight"], weight, rtol=1e-14)
    np.testing.assert_allclose(model[0].params["bias"], [0.2 - 0.2 * LN3, 0.05], rtol=1e-14)
    np.testing.assert_allclose(model[2].params["weight"], [[LN3 - 0.3, 0.3], [1.3, 0.7]], rtol=1e-14)
    np.testing.assert_allclose(model[2].params["bias"], [-0.1, 0.1], rtol=1e-14)
