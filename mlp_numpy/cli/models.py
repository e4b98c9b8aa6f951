"""The commands about trained models: ``evaluate``, ``predict`` and ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import tyro

from mlp_numpy.atomic_io import remove_parts
from mlp_numpy.cli.console import on_terminal
from mlp_numpy.cli.formatting import confusion_table
from mlp_numpy.data.images import read_image
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.errors import DataError, OptionError, RunFolderError
from mlp_numpy.exchange import export_onnx, save_model
from mlp_numpy.exchange.onnx_export import SUFFIX_ONNX
from mlp_numpy.exchange.safetensors_file import SUFFIX
from mlp_numpy.experiment import load_run, load_trained, open_test_set
from mlp_numpy.experiment.folder import data_dir_of, is_model_file, known_of, usable
from mlp_numpy.modules import SoftMaxCrossEntropyModule
from mlp_numpy.training import confusion_matrix, evaluate
from mlp_numpy.viz import save_confusion

_SUFFIXES: Final = (SUFFIX_ONNX, SUFFIX, ".npz")


def evaluate_run(
    run: Annotated[Path, tyro.conf.Positional],
    data_dir: str = "",
    download: bool = True,
) -> int:
    """Print the accuracy and confusion matrix of a run's model on the whole test set.

    Args:
        run: folder of a run, such as runs/run-cifar10-001, or a model file
        data_dir: folder of the data sets; by default the run's own, or "data" for a model file
        download: allow downloads of data sets
    """
    alone = is_model_file("evaluate", run)
    trained = load_trained(run)
    folder = data_dir or ("data" if alone else data_dir_of(run, load_run(run)[0], known_of(run)))
    option = trained.about["dataset_option"]
    # Save generated data only if a data folder was given.
    how: dict[str, bool] = {"download": download, "keep": bool(data_dir), "progress": on_terminal()}
    dataset = load_dataset(option, folder, **how).dataset
    if (dataset.n_features, *dataset.class_names) != (trained.model.n_inputs, *trained.about["class_names"]):
        raise DataError(
            f"evaluate: the data set must have the pixels and classes that {run} was trained on, "
            f"{trained.model.n_inputs} and {trained.about['class_names']}, got {dataset.name} with "
            f"{dataset.n_features} and {list(dataset.class_names)}."
        )
    # Record the opening on disk before evaluating.
    sealed = SealedSplit(dataset.test) if alone else open_test_set(run, dataset.test, "evaluate")
    test = dataset.test
    outcome = evaluate(trained.model.logits, SoftMaxCrossEntropyModule(), test, trained.preprocessing, chunk=250)
    counts = confusion_matrix(test.labels, outcome.predicted, dataset.n_classes)
    name = str(trained.about["name"])
    print(f"{name}: {trained.model.title} after step {trained.about['step']} on {dataset.name}")
    print(f"test accuracy {outcome.accuracy:.4f}, loss {outcome.loss:.4f}, {len(test):,} images")
    if alone:
        print("note: this evaluation is not counted: a model file does not record test-set openings, its run does\n")
    else:
        n_times = "once" if len(sealed.openings) == 1 else f"{len(sealed.openings)} times"
        print(f"the test set of this run has been opened {n_times}: {'; '.join(sealed.openings)}\n")
    print(confusion_table(counts, dataset.class_names))
    picture = run.with_suffix(".confusion.png") if alone else run / "confusion.png"
    title = f"{trained.model.title} on {dataset.name}: test accuracy {outcome.accuracy:.3f}"
    with usable("evaluate", picture, "must be written"):
        save_confusion(picture, counts, dataset.class_names, title)
    print(f"\nfigure  {picture}")
    return 0


def predict(
    run: Annotated[Path, tyro.conf.Positional],
    images: Annotated[tuple[Path, ...], tyro.conf.Positional],
    top: int = 3,
) -> int:
    """Classify image files with a run's model, and print the probabilities of the top classes.

    Args:
        run: folder of a run, such as runs/run-cifar10-001, or a model file
        images: image files of any size and format; they are scaled to the model's input size
        top: number of classes to print per image
    """
    if top < 1:
        raise OptionError(f"predict: top must be ≥ 1, got {top}.")
    if not images:
        raise OptionError("predict: expected at least one image file, got none.")
    trained = load_trained(run)
    names = trained.class_names
    probabilities = trained.predict_proba(np.stack([read_image(path, trained.image_shape) for path in images]))
    width = max(len(str(path)) for path in images)
    for path, row in zip(images, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        print(f"{path!s:<{width}}  " + "  ".join(f"{names[i]} {row[i]:.3f}" for i in best))
    return 0


def export(
    run: Annotated[Path, tyro.conf.Positional],
    file: Annotated[Path, tyro.conf.Positional],
    overwrite: bool = False,
    input_dtype: Literal["uint8", "float32"] = "uint8",
) -> int:
    """Export the model of a run, including its preprocessing, to a single file.

    Args:
        run: folder of a run, such as runs/run-cifar10-001, or a model file
        file: output file, NAME.onnx or NAME.safetensors (for other programs) or NAME.npz
        overwrite: replace an existing file
        input_dtype: dtype of the pixels that an .onnx file takes
    """
    if file.suffix not in _SUFFIXES:
        raise OptionError(f"export: the file's name must end in {' or '.join(_SUFFIXES)}, got {file.name!r}.")
    trained = load_trained(run)
    difference = None
    with usable("export", file, "must be written"):
        if file.exists() and not overwrite:
            raise RunFolderError(f"export: {file} already exists. Hint: --overwrite replaces it.")
        for suffix in _SUFFIXES:
            remove_parts(file.parent, suffix)
        if file.suffix == SUFFIX_ONNX:
            difference = export_onnx(trained, file, input_dtype=input_dtype)
        else:
            save_model(file, trained)
    print(f"model   {file}, {trained.model.title} after step {trained.about['step']}")
    if difference is not None:
        print(f"ONNX Runtime's probabilities differ by at most {difference:.1e}")
    elif file.suffix == SUFFIX_ONNX:
        print("note: not compared with ONNX Runtime, which is not installed")
    return 0
