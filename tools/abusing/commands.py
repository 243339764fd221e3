"""Damaged .npy and .npz files and random command lines, given to the command line's own main().

Every one ends with exit code 0, 1 or 2, and with one line of error unless 0: never with an exception.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import tempfile
from pathlib import Path

import numpy as np

from grilly_vk.cli import main

from . import files


def _good(rng: random.Random, folder: Path, attempt: int) -> Path:
    """A file with an array of some kind in it, mostly one that can be processed."""
    shape = rng.choice([*[(8,), (3, 8), (1, 1), (40,)] * 3, (2, 3, 4), (), (0, 4), (4, 0)])
    dtype = rng.choice([*["f4"] * 8, "f8", "f2", ">f4", "i4", "?", "c8", "U3", "M8[s]", "i4,f4"])
    values = np.random.default_rng(attempt).normal(size=shape) * rng.choice([1.0, 1.0, 1.0, 1e3, 1e30, 1e300])
    with np.errstate(all="ignore"):
        array = np.zeros(shape, dtype) if dtype in ("U3", "M8[s]", "i4,f4") else values.astype(dtype)
    if array.size and array.dtype.kind == "f" and rng.random() < 0.2:
        array.reshape(-1)[0] = rng.choice([np.nan, np.inf, -np.inf, -0.0])
    if rng.random() < 0.1:
        array = np.array([{"a": 1}], dtype=object)
    if rng.random() < 0.1:
        array = np.asfortranarray(array)
    path = folder / rng.choice(["x.npy", "x.npz"])
    if path.suffix == ".npy":
        np.save(path, array, allow_pickle=True)
    else:
        write = rng.choice([np.savez, np.savez_compressed])
        write(path, **{rng.choice(["embeddings", "embeddings", "embeddings", "other"]): array})
    return path


def _damaged(rng: random.Random, path: Path) -> None:
    way = rng.choice([files._flip, files._cut, files._grow, files._insert, files._remove, files._zero, files._swap])
    data = bytearray(path.read_bytes())
    if len(data) > 200:
        path.write_bytes(bytes(way(rng, data)))


GOOD = ["1", "2", "7", "40", "3"]
ODD = ["0", "-1", "1.5", "1e3", "nan", "inf", "-inf", "x", "", " ", "10**3", "1" * 30, "0x10", "٣"]
WORDS = ["--neurons", "--timesteps", "--threshold", "--tau-mem", "--gain", "--bias", "--seed", "--encoding", "--device"]


def _options(rng: random.Random, folder: Path) -> list[str]:
    out: list[str] = []
    for _ in range(rng.randrange(4)):
        word = rng.choice(WORDS)
        if word == "--encoding":
            value = rng.choice(["current", "poisson", "latency", "morse", ""])
        elif word == "--device":
            value = rng.choice(["0", "99", "-1", "", "nothing like this"])
        else:
            value = rng.choice(GOOD if rng.random() < 0.7 else ODD)
        out += [word, value]
    if rng.random() < 0.5:
        out.append("--json")
    if rng.random() < 0.15:
        places = ["x.svg", "x", "x.docx", "no/x.png", ".", "/dev/full", "/dev/null/x.png", "y" * 300 + ".png"]
        out += ["--plot", str(folder / rng.choice(places))]
    if rng.random() < 0.1:
        out.append(rng.choice(["--", "-", "---", "--no-such", "\udcff", "\0", "--json=1", "@file"]))
    return out


def _command(rng: random.Random, folder: Path, attempt: int) -> list[str]:
    kind = rng.random()
    if kind < 0.75:
        path = _good(rng, folder, attempt)
        if rng.random() < 0.4:
            _damaged(rng, path)
        short = ["--timesteps", "5"] if rng.random() < 0.7 else []
        return ["process", str(path), *short, *_options(rng, folder)]
    if kind < 0.85:
        targets = ["", ".", "/", "/dev/null", "/dev/full", "no.npy", "x" * 300, "\0", "x.npy/y", "/proc/self/mem"]
        return ["process", rng.choice(targets), *_options(rng, folder)]
    if kind < 0.9:
        return ["info", *rng.choice([[], ["--json"], ["--kernels", "no such"], ["--json", "x"], ["x"]])]
    names = ["process", "demo", "fly", "", "info", "--json", "-x", "check", "--seconds", "nan", "--version", "\udcff"]
    return [rng.choice(["fly", "", "-", "--json", "inf", "\0"]), *rng.choices(names, k=rng.randrange(3))]


def run(count: int, seed: int, tell) -> None:
    """One command line after the other, in this process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        for attempt in range(count):
            rng = random.Random(f"{seed} {attempt}")
            words = _command(rng, folder, attempt)
            out, err = io.StringIO(), io.StringIO()
            what = f"attempt {attempt}, seed {seed}, {words!r}"
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    code = main(words)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                tell.fault(f"{what}: {type(error).__name__}: {error}")
                tell.done()
                continue
            said = [line for line in err.getvalue().splitlines() if not line.startswith("grilly-vk: warning: ")]
            tell.note(f"with code {code}")
            if code not in (0, 1, 2):
                tell.fault(f"{what}: exit code {code}")
            elif code and (len(said) != 1 or not said[0].startswith("grilly-vk: ")):
                tell.fault(f"{what}: exit code {code} and {len(said)} lines of error: {said[:3]}")
            elif not code and [line for line in said if not line.startswith("Picture: ")]:
                tell.fault(f"{what}: exit code 0 and errors: {said[:3]}")
            for left in folder.iterdir():
                if left.name.endswith(".part"):
                    tell.fault(f"{what}: leaves {left.name}")
                if left.is_file():
                    left.unlink()
            tell.done()
