"""AEDAT 4.0: packets of FlatBuffers, plain or compressed by LZ4 or Zstandard.

Source: iniVation's documentation, "AEDAT 4.0", with its schemas; Google's description of FlatBuffers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import Columns

_EVENT = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "?"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
_HEAD, _EVENTS = b"IOHE", b"EVTS"
_PLAIN, _LZ4, _LZ4_HIGH, _ZSTD, _ZSTD_HIGH = range(5)
_SHORTER = (struct.error, IndexError, ValueError)


class _Table:
    """The root of a FlatBuffer after its size of 4 bytes: fields by their number in the schema."""

    def __init__(self, data: bytes, begin: int = 0) -> None:
        self.data = data
        (size,) = struct.unpack_from("<I", data, begin)
        if begin + 4 + size > len(data):
            raise ValueError("a buffer is cut")
        self.end = begin + 4 + size
        self.kind = data[begin + 8 : begin + 12]
        self.at = begin + 4 + struct.unpack_from("<I", data, begin + 4)[0]
        self.fields = self.at - struct.unpack_from("<i", data, self.at)[0]

    def place(self, field: int) -> int | None:
        """Where a field's value lies; None if it has its default."""
        (size,) = struct.unpack_from("<H", self.data, self.fields)
        if 4 + 2 * field >= size:
            return None
        (offset,) = struct.unpack_from("<H", self.data, self.fields + 4 + 2 * field)
        return self.at + offset if offset else None

    def number(self, field: int, form: str, default: int) -> int:
        """A field that is a number."""
        at = self.place(field)
        return default if at is None else int(struct.unpack_from(form, self.data, at)[0])


def read_aedat4(name: str, data: bytes, begin: int) -> Columns:
    """Events of the camera with the lowest number; `begin` is where the first line ends.

    Raises:
        ValueError: a file that is damaged, or an unknown compression.
        ImportError: compressed data without the package that reads it.
    """
    try:
        head = _Table(data, begin)
        if head.kind != _HEAD:
            raise ValueError("no head")
        compression, stop = head.number(0, "<i", _PLAIN), head.number(1, "<q", -1)
    except _SHORTER as error:
        raise ValueError(f"{name} is damaged: the head at byte {begin} can't be read") from error
    unpack, unpacking = _unpacker(name, compression)
    streams: dict[int, list[np.ndarray]] = {}
    at = head.end
    end = len(data) if stop < 0 else stop
    if not at <= end <= len(data):
        raise ValueError(f"{name} is damaged: its table of packets would be at byte {stop} of {len(data)}")
    while at < end:
        if at + 8 > end:
            raise ValueError(f"{name} is damaged: the head of the packet at byte {at} is cut")
        stream, size = struct.unpack_from("<ii", data, at)
        if size < 0 or at + 8 + size > end:
            raise ValueError(f"{name} is damaged: the packet at byte {at} of {size} bytes goes on past the end")
        try:
            packet = _Table(unpack(data[at + 8 : at + 8 + size]))
            if packet.kind == _EVENTS:
                streams.setdefault(stream, []).append(_events(packet))
        except (*_SHORTER, unpacking) as error:
            raise ValueError(f"{name} is damaged: the packet at byte {at} can't be read") from error
        at += 8 + size
    found = np.concatenate(streams[min(streams)]) if streams else np.empty(0, _EVENT)
    x, y = found["x"].astype(np.int64), found["y"].astype(np.int64)
    if found.size and min(x.min(), y.min()) < 0:
        raise ValueError(f"{name} is damaged: it has events at negative places")
    return Columns(x, y, found["t"].astype(np.int64), found["p"].astype(np.bool_))


def _events(packet: _Table) -> np.ndarray:
    at = packet.place(0)
    if at is None:
        return np.empty(0, _EVENT)
    at += struct.unpack_from("<I", packet.data, at)[0]
    (count,) = struct.unpack_from("<I", packet.data, at)
    return np.frombuffer(packet.data, _EVENT, count, at + 4)


def _unpacker(name: str, compression: int) -> tuple[Callable[[bytes], Any], type[Exception]]:
    """What unpacks a packet, and what it raises where that is damaged."""
    if compression == _PLAIN:
        return bytes, ValueError
    if compression not in (_LZ4, _LZ4_HIGH, _ZSTD, _ZSTD_HIGH):
        raise ValueError(f"{name} is damaged, or of an unknown compression ({compression})")
    wanted = "lz4" if compression in (_LZ4, _LZ4_HIGH) else "zstandard"
    try:
        if wanted == "lz4":
            import lz4.frame

            return lz4.frame.decompress, RuntimeError
        import zstandard

        return lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data), zstandard.ZstdError
    except ImportError as error:
        raise ImportError(
            f"{name} is compressed: the package {wanted} reads it; pip install 'grilly-vk[events]'"
        ) from error
