"""The golden vectors in tests/data, made by tools/make_golden.py."""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "data"


def load(family):
    """The arrays of a family by name, and its header."""
    with np.load(FOLDER / f"golden_{family}.npz", allow_pickle=False) as file:
        arrays = dict(file)
    return arrays, json.loads(str(arrays.pop("header")))


def of_case(arrays, i):
    """The arrays of a case, by the names behind its number."""
    return {name.split(".", 1)[1]: values for name, values in arrays.items() if name.startswith(f"{i}.")}


def close(name, got, want, rtol=3e-5):
    """Within this share of the largest value: float32 sums in another order, of terms of both signs."""
    np.testing.assert_allclose(got, want, rtol, rtol * np.abs(want).max(), err_msg=name)
