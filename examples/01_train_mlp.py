"""Train an MLP on points of the plane that an ellipse separates.

    python examples/01_train_mlp.py

Prints the loss every 100 steps and the accuracy on held-out points, which is above 0.97.
"""

import numpy as np

from mlp_numpy import SGD, FlatParameters, LinearModule, ReLUModule, Sequential, SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.data.synthetic import ellipse

data = ellipse.generate(n_train=2000, n_test=1000, seed=0)
rng = np.random.default_rng(0)
net = Sequential(
    LinearModule(2, 32, init=kaiming(), rng=rng),
    ReLUModule(),
    LinearModule(32, 2, init=kaiming(), rng=rng),
)
loss = SoftMaxCrossEntropyModule()
optimizer = SGD(FlatParameters(net), lr=0.1, momentum=0.9)

for step in range(401):
    rows = rng.integers(len(data.train), size=100)
    x, y = data.train.images[rows], data.train.labels[rows]
    value = loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step:3}  loss {value:.4f}")

accuracy = np.mean(net.forward(data.test.images).argmax(axis=1) == data.test.labels)
print(f"accuracy {accuracy:.3f}")
