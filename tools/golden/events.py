"""Make tests/data/golden_events.npz: frames that Tonic and SpikingJelly make of events, and files that they read.

Recordings are random and in order of time.  In the file: their fields, the frames of each case, the bytes of small
files in the formats of N-MNIST and AEDAT 3.1 and the events that the peers read from them, and `header`, JSON with
versions and calls.

    pip install tonic==1.7.0 spikingjelly==2.0.0
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
import tonic
from spikingjelly.datasets import utils as jelly

from golden import versions

W, H = 6, 5
CASES = [
    {"time_window": 100}, {"time_window": 100, "include_incomplete": True}, {"time_window": 130, "overlap": 50},
    {"time_window": 5000}, {"event_count": 30}, {"event_count": 30, "include_incomplete": True},
    {"event_count": 40, "overlap": 15}, {"event_count": 900}, {"n_time_bins": 7}, {"n_event_bins": 7},
    {"time_window": 90, "start_time": 40, "end_time": 700},
]  # fmt: skip
JELLY = [{"n_time_bins": 6}, {"n_event_bins": 6}]


def recording(seed, n):
    """Random events, some at the same time; the span is 997."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(20, 1017, n))
    t[0], t[-1] = 20, 1017
    fields = rng.integers(0, W, n), rng.integers(0, H, n), t, rng.integers(0, 2, n)
    return tonic.io.make_structured_array(*fields, dtype=tonic.io.events_struct)


def nmnist_file():
    """Bytes of 60 events, two of which say that later times are later."""
    rng = np.random.default_rng(3)
    raw = rng.integers(0, 256, (60, 5)).astype(np.uint8)
    raw[:, 0] %= 34
    raw[:, 1] %= 34
    raw[:, 2] &= 128  # early times, and the polarity
    raw[[20, 41], 1] = 240
    return raw.tobytes()


def aedat3_file():
    """A header, a packet of 20 events, one of another kind, one of 5 events after the time has run over."""
    rng = np.random.default_rng(4)
    out = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n"
    for kind, count, overflow in ((1, 20, 0), (2, 3, 0), (1, 5, 1)):
        out += struct.pack("<HHIIIIII", kind, 0, 8, 4, overflow, count, count, count)
        x, y, p = rng.integers(0, 128, (3, count))
        t = np.sort(rng.integers(0, 1 << 20, count))
        words = np.stack([x << 17 | y << 2 | (p & 1) << 1 | 1, t], 1).astype("<u4")
        out += words.tobytes()
    return out


def collect(written=None):
    """The arrays and the header."""
    arrays, header = {}, {"versions": versions("tonic", "spikingjelly", "numpy", "python"), "size": [W, H, 2]}
    for i, n in enumerate((220, 150)):
        events = recording(i, n)
        for name in "xytp":
            arrays[f"{i}/{name}"] = events[name]
        for k, case in enumerate(CASES):
            arrays[f"{i}/tonic/{k}"] = tonic.transforms.ToFrame(sensor_size=(W, H, 2), **case)(events.copy())
        plain = {name: events[name] for name in "xytp"}
        for k, case in enumerate(JELLY):
            kind, bins = next(iter(case.items()))
            split = "time" if kind == "n_time_bins" else "number"
            frames = jelly.integrate_events_by_fixed_frames_number(plain, split, bins, H, W)
            arrays[f"{i}/jelly/{k}"] = frames.astype(np.int16)
    header["tonic"], header["jelly"] = CASES, JELLY
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(nmnist_file())
        read = tonic.io.read_mnist_file(str(path), tonic.io.events_struct)
        arrays["nmnist/file"] = np.frombuffer(path.read_bytes(), np.uint8)
        path.write_bytes(aedat3_file())
        three = jelly.load_aedat_v3(path)
        arrays["aedat3/file"] = np.frombuffer(path.read_bytes(), np.uint8)
    for name in "xytp":
        arrays[f"nmnist/{name}"], arrays[f"aedat3/{name}"] = read[name], three[name]
    return arrays, header
