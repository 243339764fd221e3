"""Make tests/data/golden_lines.npz: what PyTorch gives for each line of tests/helpers/torch_lines.py.

In the file: "real", "whole" and "bool" hold the values of all lines one after another, in the header's order, and
`header`, JSON, has for every line its results as (shape, kind), with the values of words in place of the shape.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from golden import versions

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))

from torch_lines import lines, run, scope


def collect(written=None):
    """The arrays and the header."""
    values = {"real": [], "whole": [], "bool": []}
    results = {}
    for _, line in lines():
        torch.manual_seed(0)
        torch.set_grad_enabled(True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parts = run(line, scope(torch, torch.nn.functional, torch.nn, torch.optim))
        results[line] = [[text if kind == "text" else shape, kind] for shape, kind, text in parts]
        for _, kind, given in parts:
            if kind != "text":
                values[kind] += given
    arrays = {
        "real": np.array(values["real"], np.float32),
        "whole": np.array(values["whole"], np.int64),
        "bool": np.array(values["bool"], np.bool_),
    }
    return arrays, {"versions": versions("torch"), "lines": results}
