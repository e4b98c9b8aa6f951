"""The exercises, in teaching order."""

from __future__ import annotations

from typing import Final

from mlp_numpy.errors import unknown_name
from mlp_numpy.learn.exercise import Exercise
from mlp_numpy.learn.lessons.activations import ACTIVATIONS, LOSSES
from mlp_numpy.learn.lessons.dense import ELEMENTARY, NETS
from mlp_numpy.learn.lessons.images import IMAGES, NORMALIZATION

EXERCISES: Final = {
    exercise.name: exercise for exercise in (*ELEMENTARY, *ACTIVATIONS, *LOSSES, *NETS, *NORMALIZATION, *IMAGES)
}


def exercise_of(name: str) -> Exercise:
    """The exercise of that name; raises OptionError for an unknown one, with the closest match."""
    if name not in EXERCISES:
        raise unknown_name("exercise", name, EXERCISES)
    return EXERCISES[name]
