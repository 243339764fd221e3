"""Safetensors files that were damaged in many ways: load refuses them by ValueError, or gives what was saved."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import numpy as np

import grilly_vk

RAW = np.arange(48, dtype=np.float64)


def _state():
    return {
        "model": {"weight": grilly_vk.tensor(np.arange(60, dtype=np.float32).reshape(3, 20)), "none": None},
        "arrays": [RAW, np.zeros((0, 3), np.int8), np.array(7, np.uint16)],
        "plain": {"lr": 0.1, "steps": 2**70, "names": ["a", "é", ""], 3: (1, float("inf"))},
    }


def _same(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, (np.ndarray, grilly_vk.Tensor)):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(np.asarray(a), np.asarray(b))
    return type(a) is type(b) and a == b


def _flip(rng, data):
    for _ in range(rng.choice([1, 1, 2, 8])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def _cut(rng, data):
    return data[: rng.randrange(len(data))]


def _grow(rng, data):
    return data + rng.randbytes(rng.choice([1, 8, 4096]))


def _insert(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.choice([1, 2, 64])) + data[at:]


def _remove(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice([1, 2, 64]) :]


def _zero(rng, data):
    at, n = rng.randrange(len(data)), rng.choice([1, 16, 512])
    data[at : at + n] = bytes(len(data[at : at + n]))
    return data


def _swap(rng, data):
    n = rng.choice([1, 8, 64])
    a, b = sorted(rng.sample(range(len(data) - n), 2))
    data[a : a + n], data[b : b + n] = data[b : b + n], data[a : a + n]
    return data


def _length(rng, data):
    data[:8] = rng.choice([0, 1, 7, len(data), len(data) * 2, 2**31, 2**40, 2**63, 2**64 - 1]).to_bytes(8, "little")
    return data


def _header(rng, data):
    """The header says something else, and is JSON all the same."""
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + n])
    name = rng.choice(list(header))
    entry = header[name]
    odd = [None, -1, 0, 1, 2**70, 1.5, "F32", "F64", "I8", "BOOL", [], {}, [0], [2**62, 4], "x", True, [[1]]]
    kind = rng.randrange(5)
    if kind == 0:
        del header[name]
    elif kind == 1:
        header[rng.choice(["x", "", "__metadata__", "model/weight"])] = header.pop(name)
    elif kind == 2:
        header[name] = rng.choice(odd)
    elif isinstance(entry, dict):
        entry[rng.choice(list(entry))] = rng.choice(odd)
    if kind == 4 and isinstance(entry, dict) and "grilly_vk" in entry:
        entry["grilly_vk"] = _text(rng, str(entry["grilly_vk"]))
    text = json.dumps(header).encode()
    return bytearray(len(text).to_bytes(8, "little") + text + data[8 + n :])


def _text(rng, text):
    at = rng.randrange(max(1, len(text)))
    return text[:at] + rng.choice(["", "[" * 5000, '{"dict":', "1" * 6000, "null", "\ud800", '"']) + text[at + 1 :]


def _junk(rng, data):
    return bytearray(rng.randbytes(rng.choice([0, 7, 8, 9, 1000])))


WAYS = (_flip, _flip, _cut, _grow, _insert, _remove, _zero, _swap, _length, _header, _header, _header, _junk)


def run(count: int, seed: int, tell) -> None:
    """Damages one file in turns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        state = _state()
        grilly_vk.save(path, state)
        good = path.read_bytes()
        if not _same(state, grilly_vk.load(path)):
            tell.fault("the undamaged file does not hold the state")
        for attempt in range(count):
            rng = random.Random(f"{seed} {attempt}")
            way = WAYS[attempt % len(WAYS)]
            what = f"attempt {attempt}, seed {seed}, {way.__name__[1:]}"
            damaged = bytes(way(rng, bytearray(good)))
            path.write_bytes(damaged)
            try:
                got = grilly_vk.load(path)
            except ValueError as error:
                if path.name not in str(error):
                    tell.fault(f"{what}: the error does not name the file: {error}")
                tell.note("refused")
            except BaseException as error:
                tell.fault(f"{what}: {type(error).__name__}: {error}")
            else:
                if not _same(state, got):
                    tell.fault(f"{what}: loads something else")
                tell.note("loaded as it was")
            tell.done()
