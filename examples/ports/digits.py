"""What the ports share: digits of 28x28 pixels, and the options of their command lines.

With --small they take scikit-learn's digits of 8x8 pixels, enlarged, and need no network; else MNIST's 10,000.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # the other examples
import mnist_digits


def options(text, **defaults):
    """The options of a port: which digits, the weights to begin with, and numbers with their defaults."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="few digits of 8x8 pixels, enlarged")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and of the order of the images")
    parser.add_argument("--weights", help="a file of numpy's savez: the weights to begin with, by name")
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"default {value}")
    return parser.parse_args()


def digits(small=False):
    """Train and test images (N, 1, 28, 28) in [0, 1] and int32 labels (N,)."""
    if not small:
        return mnist_digits.digits()
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = np.kron(images.reshape(-1, 1, 8, 8) / 16, np.ones((1, 1, 3, 3)))
    images = np.pad(images, [(0, 0), (0, 0), (2, 2), (2, 2)]).astype(np.float32)
    labels = labels.astype(np.int32)
    return (images[:256], labels[:256]), (images[256:384], labels[256:384])
