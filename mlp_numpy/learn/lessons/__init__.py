"""The exercises, in teaching order."""

from __future__ import annotations

from typing import Final

from mlp_numpy.errors import unknown_name
from mlp_numpy.learn.exercise import Exercise
from mlp_numpy.learn.lessons.activations import ACTIVATION_LESSONS, LOSS_LESSONS
from mlp_numpy.learn.lessons.dense import ELEMENTARY_LESSONS, NET_LESSONS
from mlp_numpy.learn.lessons.images import IMAGE_LESSONS, NORMALIZATION_LESSONS

EXERCISES: Final = {
    exercise.name: exercise
    for exercise in (
        *ELEMENTARY_LESSONS,
        *ACTIVATION_LESSONS,
        *LOSS_LESSONS,
        *NET_LESSONS,
        *NORMALIZATION_LESSONS,
        *IMAGE_LESSONS,
    )
}


def exercise_of(name: str) -> Exercise:
    """The exercise of that name; raises OptionError for an unknown one, with the closest match."""
    if name not in EXERCISES:
        raise unknown_name("exercise", name, EXERCISES)
    return EXERCISES[name]
