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
