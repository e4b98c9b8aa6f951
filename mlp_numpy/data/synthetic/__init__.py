"""Synthetic data sets: shapes in CIFAR-10's dimensions, and points of two classes separated by an ellipse."""
