"""Golden vectors, one family a file, and what families share; see tools/make_golden.py.

A family has `collect(written=None)`: the arrays and the header of its file.  `written` is the header of a file to be
compared, whose seeds are taken then.
"""

from __future__ import annotations

import functools
import platform
from importlib import metadata

import numpy as np


def versions(*names):
    """The version of each package, and of "python"."""
    return {name: platform.python_version() if name == "python" else metadata.version(name) for name in names}


def apart(a, b):
    """The largest difference, relative to the largest value."""
    return float(np.abs(np.asarray(a, np.float64) - b).max() / max(np.abs(b).max(), 1e-30))


def first_good(attempt, written=None):
    """The result of attempt(seed) -> (result or None, why not) for the seed written down, else the first good one."""
    for seed in [written["seed"]] if written else range(400):
        good, why = attempt(seed)
        if good:
            return good
        print(f"seed {seed}: {why}", flush=True)
    raise SystemExit("no seed is good")


def of_cases(attempt, cases, written=None):
    """The arrays of all cases, `i.NAME` those of case i, and their seeds: of `first_good` on attempt(case, seed)."""
    arrays, seeds = {}, []
    for i, case in enumerate(cases):
        found, seed = first_good(functools.partial(attempt, case), written and written["cases"][i])
        arrays |= {f"{i}.{key}": value for key, value in found.items()}
        seeds.append(seed)
    return arrays, seeds


def slopes(functions):
    """The derivatives of PyTorch's surrogates on a grid, and the grid."""
    import torch

    grid, found = np.linspace(-2.013, 2.017, 61, dtype=np.float32), []
    for function in functions:
        at = torch.from_numpy(grid.copy()).requires_grad_()
        function(at).sum().backward()
        found.append(at.grad.numpy())
    return {"grid": grid, "slopes": np.stack(found)}


NUDGE, CHANGE, DRIFT = 2e-5, 2e-2, 3e-5


def steady(run, x, rare=0.05):
    """What run(x) -> arrays by name gives in float32, and why it is no good as golden: "" if it is.

    It is no good where float64 gives other spikes (of 0 and 1 in "out") or numbers further off than DRIFT, or where
    inputs NUDGE larger or smaller give other spikes or numbers further off than CHANGE: a potential is at an edge; or
    where fewer than the share `rare` are spikes, or nearly all.
    """
    found, exact = run(x), run(x.astype(np.float64))
    spikes = set(np.unique(found["out"])) <= {0.0, 1.0}
    for limit, other in ((DRIFT, exact), *((CHANGE, run(x * np.float64(1 + n))) for n in (-NUDGE, NUDGE))):
        if spikes and not np.array_equal(found["out"], other["out"]):
            return found, "other spikes"
        worst = max(found, key=lambda k: apart(found[k], other[k]))
        if apart(found[worst], other[worst]) > limit:
            return found, f"{worst} off by {apart(found[worst], other[worst]):.1e}"
    if spikes and not rare < found["out"].mean() < 0.8:
        return found, f"{found['out'].mean():.0%} of spikes"
    return found, ""
