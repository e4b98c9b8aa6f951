"""Train a network of one's own, after an audit of its layer and its loss.

    python examples/own_net/train.py

Prints the audit of both, each ok, then the accuracy of the network under the loss of its own, above 0.95, and that of
the run ``train.py --model nets:build …`` under cross-entropy, above 0.95. The run is kept in a temporary folder.
"""

import tempfile

import numpy as np
from nets import LogCoshModule, build

from mlp_numpy import SGD, Config, FlatParameters, run
from mlp_numpy.checking.own import audit_own
from mlp_numpy.data.synthetic import ellipse

for name in ("nets:SnakeModule(3)", "nets:LogCoshModule"):
    for line in audit_own(name, n_cases=6):
        print(f"audit {name}:", ", ".join(line.failures) or "ok")

data = ellipse.generate(n_train=2000, n_test=1000, seed=0)
rng = np.random.default_rng(0)
net, loss = build((1, 1, 2), 1, rng), LogCoshModule()
optimizer = SGD(FlatParameters(net), lr=0.1, momentum=0.9)
for _ in range(300):
    rows = rng.integers(len(data.train), size=100)
    loss.forward(net.forward(data.train.images[rows]), 2.0 * data.train.labels[rows, None] - 1)
    net.backward(loss.backward())
    optimizer.step()
print(f"own loss {np.mean((net.forward(data.test.images)[:, 0] > 0) == data.test.labels):.3f}")

with tempfile.TemporaryDirectory() as folder:
    places = {name: f"{folder}/{name}" for name in ("data_dir", "runs_dir", "plots_dir")}
    momentum = {"lr": 0.1, "momentum": 0.9}
    result = run(Config(model="nets:build", dataset="ellipse", preprocessing="raw", steps=300, **momentum, **places))
    print(f"own net {result.history.evaluations[-1].accuracy:.3f}")
