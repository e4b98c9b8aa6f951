"""Draws ``mlp_cifar10.png``, the curves of the main run, from the small histories of its three seeds.

    python plots/mlp_cifar10.py [RUN ...]

With the folders of three runs (seeds 0, 1 and 2 of ``python train.py --lr 2e-3 --batch 200``) it first takes their
histories over into ``plots/histories/``; without, it draws from what is kept there.
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from mlp_numpy.training import History
from mlp_numpy.viz import draw_accuracy, draw_loss, save

HERE = Path(__file__).parent
KEPT = [HERE / "histories" / f"mlp_cifar10_seed{seed}.json" for seed in range(3)]


def main() -> None:
    """Take over new histories, print the table row, draw."""
    for folder, kept in zip(sys.argv[1:], KEPT, strict=False):
        History.read(Path(folder) / "history.json").write(kept)
    histories = [History.read(kept) for kept in KEPT]
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_loss(left, histories[0])
    draw_accuracy(right, histories[0])
    for history in histories[1:]:
        steps = [record.step for record in history.evaluations]
        for axes, key in ((left, "loss"), (right, "accuracy")):
            values = [getattr(record, key) for record in history.evaluations]
            axes.plot(steps, values, color="0.6", linewidth=1, zorder=1.5, label="test, two other seeds")
    for axes in (left, right):
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[:4], labels[:4], frameon=False, fontsize=9)
    figure.suptitle("MLP 3072-100-10 on CIFAR-10 (images re-encoded as JPEG): SGD, lr 2e-3, batch 200, seed 0")
    save(HERE / "mlp_cifar10.png", figure)
    best = [max(record.accuracy for record in history.evaluations) for history in histories]
    last = [history.evaluations[-1].accuracy for history in histories]
    print("best", best, "mean", sum(best) / 3, "last", last, "mean", sum(last) / 3)


if __name__ == "__main__":
    main()
