"""Time of one training step against PyTorch, JAX, scikit-learn and the bare matrix products.

    python benchmarks/step.py [--rounds 10] [--steps 30] [--json FILE]

A step is what a training repeats: a batch of 200 gathered from uint8 images, minus the mean image, forward, loss,
backward and the update of plain SGD, all in float32. How the contestants take turns is said in ``interleaved.py``.
"products" are the matrix products of the step alone, written into arrays that exist: what any implementation on this
BLAS must at least do.

PyTorch, JAX and scikit-learn take part where they are installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import Step, report, report_machine, results_of, serve, take_turns, write_json

from mlp_numpy.system_info import describe_system

NETS = ((3072, 100, 10), (3072, 600, 500, 388, 275, 163, 10), (3072, 1024, 1024, 1024, 10))
BATCH, N_IMAGES, LR, SLOPE = 200, 50_000, 1e-6, 0.02
# Pixels are not divided, so the first weights are: scores that are far apart would give probabilities so small that
# the processor takes a slow path for them, for who does not round them to zero.
PIXEL_SCALE = 70.0


def data(n_images: int = N_IMAGES) -> tuple[Any, Any]:
    """Images (n, 3072) uint8 and labels (n,), random: what they show does not change the time."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n_images, 3072), dtype=np.uint8), rng.integers(0, 10, n_images)


def make_trainer(
    model: Any,
    batch: int = BATCH,
    n_images: int = N_IMAGES,
    optimizer: Callable[[Any], Any] | None = None,
    **parallel: Any,
) -> Any:
    """The trainer of a network of this library, as ``train.py`` makes it; plain SGD unless ``optimizer`` makes another
    one. ``parallel`` are its ``shards``, ``threads`` and ``ranks``."""
    from mlp_numpy import SGD, FlatParameters, SoftMaxCrossEntropyModule
    from mlp_numpy.data.batches import Batches
    from mlp_numpy.data.dataset import Split
    from mlp_numpy.data.preprocessing import Preprocessing
    from mlp_numpy.training import Trainer

    split = Split(*data(n_images))
    preprocessing = Preprocessing.fit("mean-image", split.images, (3, 32, 32))
    parameters = FlatParameters(model)
    update = SGD(parameters, LR) if optimizer is None else optimizer(parameters)
    batches = Batches(split, batch, preprocessing)
    return Trainer(model.logits, SoftMaxCrossEntropyModule(), update, batches, split, **parallel)


def make_mlp(sizes: tuple[int, ...]) -> Any:
    """This library's MLP of these sizes."""
    from mlp_numpy import MLP, kaiming

    model = MLP(sizes[0], sizes[1:-1], sizes[-1], SLOPE, init=kaiming(), rng=0, dtype=np.float32, input_layer=True)
    model[0].params["weight"] /= PIXEL_SCALE
    return model


def ours(sizes: tuple[int, ...], optimizer: Callable[[Any], Any] | None = None, **parallel: int) -> Step:
    """This library, exactly as ``train.py`` drives it."""
    trainer = make_trainer(make_mlp(sizes), optimizer=optimizer, **parallel)
    return lambda step: None if trainer.advance() else None


def products(sizes: tuple[int, ...]) -> Step:
    """The matrix products of the step alone: forward, weight gradients, and input gradients but the first layer's."""
    rng = np.random.default_rng(0)
    outs = [rng.normal(size=(BATCH, n)).astype(np.float32) for n in sizes]
    weights = [rng.normal(0, 0.01, size=(m, n)).astype(np.float32) for n, m in zip(sizes[:-1], sizes[1:], strict=True)]
    douts = [rng.normal(0, 0.01, size=(BATCH, n)).astype(np.float32) for n in sizes]
    dweights = [np.empty_like(weight) for weight in weights]

    def step(_: int) -> None:
        for layer, weight in enumerate(weights):
            np.matmul(outs[layer], weight.T, out=outs[layer + 1])
        for layer in range(len(weights) - 1, -1, -1):
            np.matmul(douts[layer + 1].T, outs[layer], out=dweights[layer])
            if layer:
                np.matmul(douts[layer + 1], weights[layer], out=douts[layer])

    return step


def make_pytorch_mlp(sizes: tuple[int, ...]) -> Any:
    """PyTorch's MLP of these sizes."""
    import torch

    layers: list[torch.nn.Module] = []
    for n, m in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [torch.nn.Linear(n, m), torch.nn.LeakyReLU(SLOPE)]
    with torch.no_grad():
        layers[0].weight /= PIXEL_SCALE
    return torch.nn.Sequential(*layers[:-1])


def pytorch_step(
    model: Any, batch: int = BATCH, n_images: int = N_IMAGES, make_optimizer: Callable[[Any], Any] | None = None
) -> Step:
    """A step of a PyTorch model, eager mode; plain SGD unless ``make_optimizer`` makes another one."""
    import torch

    pixels, classes = data(n_images)
    images, labels = torch.from_numpy(pixels), torch.from_numpy(classes)
    mean = torch.from_numpy(pixels.mean(axis=0, dtype=np.float64).astype(np.float32))
    make = make_optimizer or (lambda parameters: torch.optim.SGD(parameters, lr=LR))
    optimizer, loss = make(model.parameters()), torch.nn.CrossEntropyLoss()
    order = torch.randperm(n_images)

    def step(number: int) -> None:
        position = number * batch % n_images
        rows = order[position : position + batch]
        x, y = images[rows].float() - mean, labels[rows]
        optimizer.zero_grad()
        scores = model(x)
        value = loss(scores, y)
        value.backward()
        optimizer.step()
        value.item(), (scores.argmax(1) == y).float().mean().item()

    return step


def pytorch(sizes: tuple[int, ...], make_optimizer: Callable[[Any], Any] | None = None) -> Step:
    """PyTorch's step of an MLP."""
    return pytorch_step(make_pytorch_mlp(sizes), make_optimizer=make_optimizer)


def jax(sizes: tuple[int, ...]) -> Step:
    """JAX: the whole step compiled, parameters donated; NumPy gathers the bytes of the batch."""
    import jax
    import jax.numpy as jnp

    images, labels = data()
    mean = jnp.asarray(images.mean(axis=0, dtype=np.float64).astype(np.float32))
    rng = np.random.default_rng(0)
    parameters = [
        (jnp.asarray(rng.normal(0, n**-0.5, (n, m)).astype(np.float32)), jnp.zeros(m, jnp.float32))
        for n, m in zip(sizes[:-1], sizes[1:], strict=True)
    ]

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        for position, (weight, bias) in enumerate(parameters):
            x = x @ weight + bias
            if position < len(parameters) - 1:
                x = jax.nn.leaky_relu(x, SLOPE)
        picked = jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1)
        return -picked.mean(), (x.argmax(axis=1) == y).mean()

    def update(parameters: Any, batch: Any, y: Any) -> Any:
        x = batch.astype(jnp.float32) - mean
        (value, accuracy), grads = jax.value_and_grad(loss, has_aux=True)(parameters, x, y)
        return jax.tree.map(lambda w, g: w - LR * g, parameters, grads), value, accuracy

    parameters[0] = (parameters[0][0] / PIXEL_SCALE, parameters[0][1])
    compiled = jax.jit(update, donate_argnums=0)
    order = rng.permutation(N_IMAGES)

    def step(number: int) -> None:
        nonlocal parameters
        position = number * BATCH % N_IMAGES
        rows = order[position : position + BATCH]
        parameters, value, accuracy = compiled(parameters, images[rows], labels[rows])
        float(value), float(accuracy)

    return step


def sklearn(sizes: tuple[int, ...]) -> Step:
    """scikit-learn's MLPClassifier.partial_fit with plain SGD (it has ReLU, no LeakyReLU)."""
    from sklearn.neural_network import MLPClassifier

    images, labels = data()
    mean = images.mean(axis=0, dtype=np.float64).astype(np.float32)
    model = MLPClassifier(
        sizes[1:-1], solver="sgd", batch_size=BATCH, learning_rate_init=LR, momentum=0.0, alpha=0.0, random_state=0
    )
    classes = np.arange(sizes[-1])
    model.partial_fit(np.zeros((10, sizes[0]), np.float32), classes, classes=classes)
    model.coefs_[0] /= PIXEL_SCALE
    order = np.random.default_rng(0).permutation(N_IMAGES)

    def step(number: int) -> None:
        position = number * BATCH % N_IMAGES
        rows = order[position : position + BATCH]
        model.partial_fit(images[rows].astype(np.float32) - mean, labels[rows], classes=classes)

    return step


CONTESTANTS: dict[str, tuple[Callable[[tuple[int, ...]], Step], str]] = {
    "products": (products, "numpy"),
    "mlp_numpy": (ours, "numpy"),
    "pytorch": (pytorch, "torch"),
    "jax": (jax, "jax"),
    "sklearn": (sklearn, "sklearn"),
}


def compare(sizes: tuple[int, ...], rounds: int, steps: int) -> dict[str, Any]:
    """Let all installed contestants take turns on one net; milliseconds by name, and the pools they ran on."""
    names = [name for name, (_, package) in CONTESTANTS.items() if find_spec(package)]
    net = "-".join(map(str, sizes))
    times, pools = take_turns(__file__, names, ["--net", net], rounds, steps)
    return {"net": net, "milliseconds": times, "pools": pools}


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contestant")
    parser.add_argument("--steps", type=int, default=30, help="steps in a turn")
    parser.add_argument("--net", action="append", help="sizes such as 3072-100-10; by default three nets")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    nets = NETS if options.net is None else tuple(tuple(map(int, net.split("-"))) for net in options.net)
    if options.worker:
        serve(CONTESTANTS[options.worker][0](nets[0]))
        return
    machine = describe_system()
    results = [compare(sizes, options.rounds, options.steps) for sizes in nets]
    report_machine(machine, results[0]["pools"])
    for result in results:
        report(f"{result['net']}, batch {BATCH}, float32", result["milliseconds"], "mlp_numpy")
    write_json(options.json, __file__, results)


if __name__ == "__main__":
    main()
