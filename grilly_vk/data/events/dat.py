"""The .dat files of ATIS and Prophesee cameras.

Lines of text that begin with %, two bytes (type and size of an event; only where there is such text), then 8 bytes
an event, the lowest first: 32 bits of time in microseconds, and x, y and polarity from the lowest bit on: 14, 14 and
4 bits in version 2, 9, 8 and 1 before.  Source: Prophesee's documentation, "DAT File Format", and the ATIS toolbox.
"""

from __future__ import annotations

import re

import numpy as np

from .arrays import Columns

_CONTRAST = {0, 12}  # types of events: 2d, and contrast detection
_VERSION = re.compile(rb"^%\s*Version\s+(\d+)", re.I | re.M)


def read_dat(name: str, data: bytes) -> Columns:
    """Events of a .dat file; times that have run over 32 bits go on.

    Raises:
        ValueError: no such file, another version or kind of events, or a last event that is cut.
    """
    begin = 0
    while data[begin : begin + 1] == b"%":
        end = data.find(b"\n", begin)
        if end < 0:
            raise ValueError(f"{name} is damaged: its text of {len(data)} bytes has no end")
        begin = end + 1
    version = 0
    if begin:
        found = _VERSION.search(data[:begin])
        version = int(found[1]) if found else 0
        if len(data) < begin + 2:
            raise ValueError(f"{name} is damaged: it ends after its text, at byte {begin}")
        kind, size = data[begin], data[begin + 1]
        if version > 2 or size != 8 or (version == 2 and kind not in _CONTRAST):
            raise ValueError(
                f"{name} has version {version} and events of type {kind} with {size} bytes; versions up to 2 and types "
                "0 and 12 with 8 bytes can be read"
            )
        begin += 2
    if (len(data) - begin) % 8:
        raise ValueError(f"{name} is damaged: {len(data) - begin} bytes of events; expected eight for each")
    raw = np.frombuffer(data, "<u4", offset=begin).reshape(-1, 2).astype(np.int64)
    t, word = raw[:, 0], raw[:, 1]
    t = t + ((np.diff(t, prepend=t[:1]) < -(1 << 31)).cumsum() << 32)
    if version == 2:
        return Columns(word & 0x3FFF, word >> 14 & 0x3FFF, t, (word >> 28 & 1) > 0)
    return Columns(word & 0x1FF, word >> 9 & 0xFF, t, (word >> 17 & 1) > 0)
