#!/usr/bin/env python3
"""Makes the golden vectors in tests/data, or compares them with new ones: one file of tools/golden a family.

They are committed: to run the tests nobody needs this.  To make them again (1 GB of packages):

    python -m venv venv
    venv/bin/pip install torch==2.13.0 spikingjelly==2.0.0 snntorch==1.0.0 norse==1.1.0
    # cores: spyx==1.0.0; neurons, plasticity, regimes: nest-simulator==3.10.0; each in a Python of its own
    venv/bin/python tools/make_golden.py [FAMILY ...] [--check] [--folder FOLDER]

With `--check` nothing is written.  A family whose peer isn't installed is named and left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from golden import apart  # noqa: E402  the folder beside this file

TOLERANCE = 1e-5  # of the largest value: float32 sums in another order
MEASURED = ("versions", "float64_apart", "modes_apart", "drift", "rates")  # in a header, not the same everywhere


def read(path):
    """The arrays and the header of a file."""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    return arrays, json.loads(str(arrays.pop("header")))


def decided(header):
    """A header without what was measured."""
    if isinstance(header, dict):
        return {k: decided(v) for k, v in header.items() if k not in MEASURED}
    return [decided(v) for v in header] if isinstance(header, list) else header


def check(name, family, path):
    """Compares a family with its file: whether they agree."""
    old, written = read(path)
    arrays, header = family.collect(written)
    header = json.loads(json.dumps(header, default=float))
    if hasattr(family, "covered"):
        old, written = family.covered(old, written, header)
    same = old.keys() == arrays.keys() and decided(header) == decided(written)
    exact = [k for k in arrays if same and arrays[k].dtype.kind != "f"]
    equal = same and all(np.array_equal(arrays[k], old[k]) for k in exact)
    worst = max((apart(arrays[k], old[k]) for k in arrays if k not in exact), default=0.0) if same else np.inf
    print(f"{name}: {header['versions']}: same cases {same}, same spikes {equal}, largest difference {worst:.1e}")
    return equal and worst < TOLERANCE


def write(family, path):
    """Writes a family's file."""
    arrays, header = family.collect()
    np.savez_compressed(path, header=np.array(json.dumps(header, default=float)), **arrays)
    print(f"{path.name}: {path.stat().st_size} bytes, {header['versions']}")


def main() -> int:
    """Runs the families that are asked for, or all of them.  Returns 0 if every one agreed."""
    known = sorted(m.name for m in pkgutil.iter_modules([str(HERE / "golden")]))
    parser = argparse.ArgumentParser(description="make the golden vectors, or compare them")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(known) + "; all unless named")
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "tests" / "data", help="where the files are")
    options = parser.parse_args()
    if unknown := set(options.families) - set(known):
        parser.error(f"no such family: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    failed = False
    for name in options.families or known:
        try:
            family = importlib.import_module(f"golden.{name}")
        except ModuleNotFoundError as missing:
            print(f"{name}: left out, {missing.name} is not installed")
            failed |= name in options.families
            continue
        path = options.folder / f"golden_{name}.npz"
        if options.check:
            failed |= not check(name, family, path)
        else:
            write(family, path)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
