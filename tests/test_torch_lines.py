"""What scripts for PyTorch, snnTorch, SpikingJelly and Norse write, line by line, with the modules swapped.

The results are PyTorch's, from tools/golden/lines.py.  Lines that don't work here raise an error that says what does.
"""

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from torch_lines import lines, run, scope

import grilly_vk
from grilly_vk import functional, nn, optim

LINES = lines()
# Lines that can't work as they are, and what their errors say.
REFUSED = {"F.unfold(img, 2).shape": "has no attribute 'unfold': convolutions are conv1d"}
SHARE = 0.9  # of the lines that must work


@pytest.fixture(scope="module")
def golden():
    """The results of each line as (values or words, kind, shape)."""
    with np.load(Path(__file__).parent / "data" / "golden_lines.npz", allow_pickle=False) as file:
        arrays = dict(file)
    header = json.loads(str(arrays.pop("header")))
    used = dict.fromkeys(arrays, 0)
    found = {}
    for line, parts in header["lines"].items():
        found[line] = []
        for shape, kind in parts:
            if kind == "text":
                found[line].append((shape, kind, None))
                continue
            count = int(np.prod(shape, dtype=int))
            found[line].append((arrays[kind][used[kind] : used[kind] + count], kind, shape))
            used[kind] += count
    assert all(used[kind] == arrays[kind].size for kind in arrays)
    return found


def apart(line, golden):
    """How a line's result differs from PyTorch's, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = run(line, scope(grilly_vk, functional, nn, optim))
    if len(parts) != len(golden[line]):
        return f"{len(parts)} results instead of {len(golden[line])}"
    for i, ((shape, kind, values), (wanted, wanted_kind, wanted_shape)) in enumerate(zip(parts, golden[line])):
        if kind != wanted_kind:
            return f"result {i} is {kind} instead of {wanted_kind}"
        if kind == "text":
            if values != wanted:
                return f"result {i} is {values!r} instead of {wanted!r}"
        elif shape != wanted_shape:
            return f"result {i} has shape {shape} instead of {wanted_shape}"
        elif kind == "real":
            if not np.allclose(values, wanted, rtol=2e-5, atol=2e-6, equal_nan=True):
                return f"result {i} is {values} instead of {wanted.tolist()}"
        elif values != wanted.tolist():
            return f"result {i} is {values} instead of {wanted.tolist()}"
    return None


@pytest.mark.parametrize("group", list(dict(LINES)))
def test_lines(group, golden):
    """Every line of a group gives what PyTorch gives, or says why not."""
    faults = []
    for line in [line for g, line in LINES if g == group]:
        try:
            fault = apart(line, golden)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            fault = None if line in REFUSED and re.search(REFUSED[line], text) else text
        else:
            fault = f"works, but is listed as refused: {fault}" if line in REFUSED else fault
        if fault:
            faults.append(f"{line}\n        {fault}")
    assert not faults, "\n    ".join(["", *faults])


def test_most_lines_work():
    assert len(LINES) >= 385 and len(set(LINES)) == len(LINES)
    assert set(REFUSED) <= {line for _, line in LINES}
    assert len(REFUSED) <= (1 - SHARE) * len(LINES)
