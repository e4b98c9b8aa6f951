"""Generated data sets: drawn figures in CIFAR-10's sizes, and points of two classes parted by an ellipse."""
