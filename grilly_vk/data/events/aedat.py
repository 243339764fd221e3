"""AEDAT files of iniVation's cameras: versions 2.0 and 3.1 here, 4.0 in aedat4.py.

Source: iniVation's documentation, "AEDAT File Formats".
"""

from __future__ import annotations

import re
import struct

import numpy as np

from .aedat4 import read_aedat4
from .arrays import Columns

_FIRST = re.compile(rb"#!AER-DAT(\d+\.\d+)\r?\n")
_LINE = re.compile(rb"#[\t -~]*\r?\n")  # of text alone: binary data may begin with # too
_END = b"#!END-HEADER"
_PACKET = struct.Struct("<hhiiiiii")  # type, source, size, where the time is, overflow, capacity, number, valid
_POLARITY = 1
_CHIP = re.compile(rb"AEChip:[^\r\n]*?(DVS128|DAVIS)", re.I)


def read_aedat(name: str, data: bytes) -> Columns:
    """Polarity events of an AEDAT file of version 2.0, 3.1 or 4.0.

    Raises:
        ValueError: another version, no AEDAT file, or one that is damaged.
        ImportError: compressed data without the package that reads it.
    """
    found = _FIRST.match(data)
    if found is None:
        raise ValueError(f"{name} is not an AEDAT file of version 2.0 or later: its first line is not #!AER-DAT...")
    version = found[1].decode()
    if version == "4.0":
        return read_aedat4(name, data, found.end())
    begin = found.end()
    while True:
        line = _LINE.match(data, begin)
        if line is None:
            break
        begin = line.end()
        if line[0].startswith(_END):
            break
    if version == "2.0":
        return _version_2(name, data, begin)
    if version == "3.1":
        return _version_3(name, data, begin)
    raise ValueError(f"{name} is AEDAT {version}; versions 2.0, 3.1 and 4.0 can be read")


def _version_2(name: str, data: bytes, begin: int) -> Columns:
    """Pairs of address and time, 32 bits each, the highest first.  An address' bits depend on the chip."""
    if (len(data) - begin) % 8:
        raise ValueError(f"{name} is damaged: {len(data) - begin} bytes of events; expected eight for each")
    raw = np.frombuffer(data, ">u4", offset=begin).reshape(-1, 2).astype(np.int64)
    address, t = raw[:, 0], raw[:, 1] - ((raw[:, 1] >> 31) << 32)  # times are signed
    chip = _CHIP.search(data[:begin])
    small = address.size == 0 or int(address.max()) < 1 << 16
    if (chip[1].upper() == b"DVS128") if chip else small:
        kept = address & 0x8000 == 0  # the others are of a pin
        address, t = address[kept], t[kept]
        return Columns(address >> 1 & 0x7F, address >> 8 & 0x7F, t, (address & 1) > 0)
    kept = address & 0x80000400 == 0  # the others are of the frame sensor, of a pin or of the motion sensor
    address, t = address[kept], t[kept]
    return Columns(address >> 12 & 0x3FF, address >> 22 & 0x1FF, t, (address >> 11 & 1) > 0)


def _version_3(name: str, data: bytes, begin: int) -> Columns:
    """Packets of events of one kind, each with a head of 28 bytes."""
    words, times = [], []
    while begin < len(data):
        if begin + _PACKET.size > len(data):
            raise ValueError(f"{name} is damaged: the head of the packet at byte {begin} is cut")
        kind, _, size, _, overflow, capacity, number, _ = _PACKET.unpack_from(data, begin)
        body = begin + _PACKET.size
        if size <= 0 or not 0 <= number <= capacity or overflow < 0 or (kind == _POLARITY and size != 8):
            raise ValueError(
                f"{name} is damaged: the packet at byte {begin} has {number} of {capacity} events with {size} bytes"
            )
        begin = body + size * capacity
        if begin > len(data):
            raise ValueError(f"{name} is damaged: the packet at byte {body - _PACKET.size} goes on past the end")
        if kind == _POLARITY:
            raw = np.frombuffer(data, "<u4", 2 * number, body).reshape(-1, 2).astype(np.int64)
            raw = raw[(raw[:, 0] & 1) == 1]  # valid
            words.append(raw[:, 0])
            times.append(raw[:, 1] | overflow << 31)
    word = np.concatenate([np.empty(0, np.int64), *words])
    t = np.concatenate([np.empty(0, np.int64), *times])
    return Columns(word >> 17 & 0x7FFF, word >> 2 & 0x7FFF, t, (word >> 1 & 1) > 0)
