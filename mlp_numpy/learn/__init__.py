"""Exercises: a learner writes backwards, and gets the verdict of the audit and the name of the mistake."""
