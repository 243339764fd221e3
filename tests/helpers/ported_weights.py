"""The weights that the ports of examples/ports begin with, here and in the libraries that they come from."""

import numpy as np


def weights(found):
    """By name, from numpy's generator with seed 0.

    Args:
        found: by name the shape, the dtype, and the least and the largest value, as golden_ports.npz has them.
    """
    rng = np.random.default_rng(0)
    return {
        name: (np.full(shape, low) if low == high else rng.uniform(low, high, shape)).astype(dtype)
        for name, (shape, dtype, low, high) in found.items()
    }
