"""Differentiate a program on the tape: a logistic regression whose backward pass nobody wrote.

    python examples/03_tape.py

Prints the graph of the loss as text, the distance of its gradient from central differences, below 1e-8, and the
accuracy on the training points, which is above 0.97.
"""

import numpy as np

import mlp_numpy.autodiff as ad

rng = np.random.default_rng(0)
y = rng.integers(2, size=200)
x = ad.TensorNode(rng.normal(size=(200, 2)) + 3.0 * y[:, None], needs_grad=False, name="x")
sign = 2.0 * y[:, None] - 1  # −1 for class 0, +1 for class 1
w = ad.TensorNode(np.zeros((2, 1)), name="w")
b = ad.TensorNode(np.zeros((1, 1)), name="b")


def mean_loss() -> ad.TensorNode:
    """The mean of −log σ(± (x w + b))."""
    loss: ad.TensorNode = (1 + ((x @ w + b) * -sign).exp()).log().sum() / len(y)
    return loss


loss = mean_loss()
loss.backward()
print(ad.explain(loss))

h, numeric = 1e-6, np.empty_like(w.value)
for index in np.ndindex(*w.value.shape):
    middle = w.value[index]
    w.value[index] = middle + h
    above = float(mean_loss().value)
    w.value[index] = middle - h
    numeric[index] = (above - float(mean_loss().value)) / (2 * h)
    w.value[index] = middle
print(f"distance {np.abs(w.grad - numeric).max():.1e}")

for _ in range(300):
    mean_loss().backward(afresh=[w, b])  # overwrites the gradients of w and b
    for parameter in (w, b):
        parameter.value -= 0.5 * parameter.grad
scores = (x @ w + b).value[:, 0]
print(f"accuracy {np.mean((scores > 0) == y):.3f}")
