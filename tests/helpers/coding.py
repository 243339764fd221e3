"""What the tests of codes share."""

import numpy as np


def uniform(*shape, seed=0, low=0.0, high=1.0):
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape).astype(np.float32)


def when(spikes):
    """The step of the only spike of each element; -1 where there is none."""
    s = spikes.numpy()
    assert set(np.unique(s)) <= {0.0, 1.0} and (s.sum(0) <= 1).all()
    return np.where(s.any(0), s.argmax(0), -1)


def near(got, times):
    """Each at the nearest step; on the edge between two float32 may take either."""
    assert got.shape == np.shape(times)
    assert (np.abs(got - times) <= 0.5 + 1e-4).all()
