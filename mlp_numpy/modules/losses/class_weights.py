"""Weights of classes from their frequencies, or from a dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import NOT_NEGATIVE, number, plain_array, shown
from mlp_numpy.errors import LabelError, OptionError, ShapeError


def class_weights(rule: str | Mapping[Any, float], labels: Array, classes: Array | None = None) -> Array:
    """The weights ω (C,), float64, for a loss's ``class_weight``, in the order of the classes.

        "balanced"           ω_c = N / (C n_c)     n_c examples of class c: every class counts the same
        {class: weight}      ω_c = its weight, 1 for a class that is not in the dict

    labels    the labels (N,) of the training examples: integers, strings, or any other sortable values
    classes   the classes (C,) in their order; by default those of ``labels``, sorted

    As scikit-learn's ``compute_class_weight``; King and Zeng 2001, "Logistic Regression in Rare Events Data".

    Raises OptionError for another rule, for a class of the dict that does not exist, for a weight that is not a number
    ≥ 0, and for "balanced" with a class without examples; ShapeError for labels or classes that are no vector, and
    LabelError for a label that is not among the classes.
    """
    found = {"labels": plain_array("class_weights", "labels", labels)}
    found["classes"] = np.unique(labels) if classes is None else plain_array("class_weights", "classes", classes)
    for name, array in found.items():
        if array.ndim != 1 or not array.size:
            raise ShapeError(f"class_weights: {name} must be a vector of at least one, got {array.shape}.")
    names = found["classes"].tolist()
    counts = dict.fromkeys(names, 0)
    for label, count in zip(*(each.tolist() for each in np.unique(found["labels"], return_counts=True)), strict=True):
        if label not in counts:
            raise LabelError(f"class_weights: labels must be among {shown(names)}, got {shown(label)}.")
        counts[label] = count
    if isinstance(rule, Mapping):
        for name in rule:
            if name not in counts:
                raise OptionError(f"class_weights: there must be a class {shown(name)}, got {shown(names)}.")
        weights = {
            name: number("class_weights", f"weight of {name!r}", rule.get(name, 1.0), NOT_NEGATIVE) for name in names
        }
        return np.array([weights[name] for name in names])
    if not isinstance(rule, str) or rule != "balanced":
        raise OptionError(f"class_weights: rule must be 'balanced' or a dict of classes, got {shown(rule)}.")
    for name, count in counts.items():
        if not count:
            raise OptionError(f"class_weights: balanced classes must all have examples, got none of {shown(name)}.")
    return len(found["labels"]) / (len(names) * np.array([counts[name] for name in names], float))
