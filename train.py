"""``python train.py --lr 2e-3 --batch 200``: train an MLP of our own layers on CIFAR-10."""

import sys

try:
    from mlp_numpy.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
except KeyboardInterrupt:  # Ctrl-C while the libraries are still being loaded
    sys.exit(130)
