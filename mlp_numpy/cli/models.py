"""The commands about trained models: ``evaluate``, ``predict`` and ``export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import tyro

from mlp_numpy.atomic_io import remove_parts, write_text
from mlp_numpy.cli.console import on_terminal
from mlp_numpy.cli.formatting import confusion_table, examples_text, metrics_text, predictions_csv
from mlp_numpy.data.image_folder import images_in
from mlp_numpy.data.images import read_image
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.data.table import read_rows
from mlp_numpy.errors import DataError, OptionError, RunFolderError
from mlp_numpy.exchange import export_onnx, save_model
from mlp_numpy.exchange.onnx_export import SUFFIX_ONNX
from mlp_numpy.exchange.safetensors_file import SUFFIX
from mlp_numpy.experiment import load_run, load_trained, open_test_set
from mlp_numpy.experiment.build import metrics_of, scaled
from mlp_numpy.experiment.folder import data_dir_of, is_model_file, known_of, usable
from mlp_numpy.modules import build_loss
from mlp_numpy.training import confusion_matrix, evaluate
from mlp_numpy.viz import save_confusion

_SUFFIXES: Final = (SUFFIX_ONNX, SUFFIX, ".npz")


def evaluate_run(
    run: Annotated[Path, tyro.conf.Positional],
    data_dir: str = "",
    download: bool = True,
) -> int:
    """Print the metrics of a run's model on the whole test set, and the confusion matrix of a classification.

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
    how: dict[str, Any] = {"download": download, "keep": bool(data_dir), "progress": on_terminal()}
    how["own"] = trained.own_data
    dataset = load_dataset(option, folder, **how).dataset
    if (dataset.n_features, *dataset.class_names) != (trained.model.n_inputs, *trained.about["class_names"]):
        raise DataError(
            f"evaluate: the data set must have the pixels and classes that {run} was trained on, "
            f"{trained.model.n_inputs} and {trained.about['class_names']}, got {dataset.name} with "
            f"{dataset.n_features} and {list(dataset.class_names)}."
        )
    # Record the opening on disk before evaluating.
    sealed = SealedSplit(dataset.test) if alone else open_test_set(run, dataset.test, "evaluate")
    if dataset.columns != trained.columns or dataset.task != trained.task:
        raise DataError(f"evaluate: {dataset.name} must have the columns and the task that {run} was trained on.")
    test, loss = scaled(dataset.test, trained.scaling), build_loss(trained.loss, trained.task)
    measured: dict[str, Any] = {"metrics": metrics_of(trained.task, scaling=trained.scaling), "chunk": 250}
    measured["views"] = trained.views
    outcome = evaluate(trained.model.logits, loss, test, trained.preprocessing, **measured)
    name = str(trained.about["name"])
    print(f"{name}: {trained.model.title} after step {trained.about['step']} on {dataset.name}")
    found = metrics_text(outcome.record(0))
    views = "" if trained.views is None else f", views {trained.views.kind}"
    print(f"test {found}, loss {outcome.loss:.4f}, {len(test):,} {examples_text(dataset)}{views}")
    if alone:
        print("note: this evaluation is not counted: a model file does not record test-set openings, its run does\n")
    else:
        n_times = "once" if len(sealed.openings) == 1 else f"{len(sealed.openings)} times"
        print(f"the test set of this run has been opened {n_times}: {'; '.join(sealed.openings)}\n")
    if trained.task != "classification":
        return 0
    counts = confusion_matrix(test.labels, outcome.predicted, dataset.n_classes)
    print(confusion_table(counts, dataset.class_names))
    picture = run.with_suffix(".confusion.png") if alone else run / "confusion.png"
    title = f"{trained.model.title} on {dataset.name}: test accuracy {outcome.accuracy:.3f}"
    with usable("evaluate", picture, "must be written"):
        save_confusion(picture, counts, dataset.class_names, title)
    print(f"\nfigure  {picture}")
    return 0


def predict(
    run: Annotated[Path, tyro.conf.Positional],
    files: Annotated[tuple[Path, ...], tyro.conf.Positional],
    top: int = 3,
    out: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Predict image files, a folder of images, or the rows of a table with a run's model.

    Images print the probabilities of their top classes, a table its predictions as CSV.

    Args:
        run: folder of a run, such as runs/run-cifar10-001, or a model file
        files: image files of any size and format, folders of them, or one table with the columns of the training data
        top: number of classes to print per image
        out: CSV file that gets all predictions: with the probability of every class, or a column per target
        overwrite: replace an existing file
    """
    if top < 1:
        raise OptionError(f"predict: top must be ≥ 1, got {top}.")
    if not files:
        raise OptionError("predict: expected at least one image file, a folder of images or a table, got none.")
    trained = load_trained(run)
    if out is not None and out.exists() and not overwrite:
        raise RunFolderError(f"predict: {out} already exists. Hint: --overwrite replaces it.")
    if trained.columns:
        inputs, left_out = read_rows(_only_one(files), trained.columns, trained.table_dtype)
        if left_out:
            print(f"note: columns that the model does not use: {', '.join(left_out)}", file=sys.stderr, flush=True)
        names = [str(row) for row in range(1, len(inputs) + 1)]
    else:
        shape = trained.image_shape
        paths = [path for each in files for path in (images_in(each) if each.is_dir() else [each])]
        inputs, names = np.stack([read_image(path, shape) for path in paths]), [str(path) for path in paths]
    outputs = trained.predict_proba(inputs) if trained.task == "classification" else trained.predict(inputs)
    if out is not None or trained.columns:
        content = predictions_csv("row" if trained.columns else "image", names, outputs, trained)
        if out is None:
            print(content, end="")
        else:
            with usable("predict", out, "must be written"):
                write_text(out, content)
            print(f"{len(names):,} predictions in {out}")
    if trained.columns:
        return 0
    classes, width = trained.class_names, max(map(len, names))
    for name, row in zip(names, outputs, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        print(f"{name:<{width}}  " + "  ".join(f"{classes[i]} {row[i]:.3f}" for i in best))
    return 0


def _only_one(files: tuple[Path, ...]) -> Path:
    if len(files) > 1:
        raise OptionError(f"predict: a model of a table predicts one table, got {len(files)} files.")
    return files[0]


def export(
    run: Annotated[Path, tyro.conf.Positional],
    file: Annotated[Path, tyro.conf.Positional],
    overwrite: bool = False,
    input_dtype: Literal["uint8", "float32"] | None = None,
) -> int:
    """Export the model of a run, including its preprocessing, to a single file.

    Args:
        run: folder of a run, such as runs/run-cifar10-001, or a model file
        file: output file, NAME.onnx or NAME.safetensors (for other programs) or NAME.npz
        overwrite: replace an existing file
        input_dtype: dtype of the inputs that an .onnx file takes; default: uint8 for images, float32 for a table
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
        print(f"ONNX Runtime's outputs differ by at most {difference:.1e}")
    elif file.suffix == SUFFIX_ONNX:
        print("note: not compared with ONNX Runtime, which is not installed")
    return 0
