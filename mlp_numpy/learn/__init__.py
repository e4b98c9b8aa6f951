"""Exercises: a learner writes backwards, and gets the verdict of the audit and the name of the mistake."""

from mlp_numpy.learn.diagnosis import Mistake
from mlp_numpy.learn.exercise import Exercise, Question
from mlp_numpy.learn.folder import LearnerProgress, exercise_file, start
from mlp_numpy.learn.lessons import EXERCISES, exercise_of
from mlp_numpy.learn.milestones import MILESTONES, MilestoneResult, check_milestone
from mlp_numpy.learn.verdict import FileVerdict, check_file

__all__ = [
    "EXERCISES",
    "MILESTONES",
    "Exercise",
    "FileVerdict",
    "LearnerProgress",
    "MilestoneResult",
    "Mistake",
    "Question",
    "check_file",
    "check_milestone",
    "exercise_file",
    "exercise_of",
    "start",
]
