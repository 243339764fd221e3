"""Files of tensors and plain values, in the safetensors format: never pickle, so that loading runs no code.

Tensors lie in the file under their path in the nested dict ("model/0.weight").  Everything else, and where the
tensors belong, is JSON in the file's metadata.  Other programs that read safetensors see the arrays.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import files
from .errors import shown
from .tensor import Tensor, from_numpy
from .values import unmasked

_MARK, _SUM = "grilly_vk", "grilly_vk_crc32"  # metadata entries
_FORMAT = 1
_RESERVED = "__metadata__"  # of the format: no array can have the name
_DEEPEST = 100  # levels: far below where json and Python stop with a RecursionError
_HEADER_LIMIT = 100_000_000  # bytes of names and notes that safetensors reads
_HEADER_MOST = f"{_HEADER_LIMIT:,} bytes of names and plain values (make arrays of long lists and texts)"
_PLAIN_BITS = 4096  # of whole numbers in decimal digits; Python refuses to read thousands of digits
_SHOWN = 120  # letters of a path in a message
_DTYPES = {np.dtype(d): d for d in ("bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64")}
_DTYPES |= {np.dtype(d): d for d in ("float16", "float32", "float64")}


def _shown(path: str) -> str:
    """A path for a message: on one line, and not longer than a message may be."""
    text = path if path.isprintable() else repr(path)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} letters)"


def _valid(text: str) -> bool:
    """Whether it is Unicode: JSON makes one letter of two surrogates."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _key(path: str, arrays: Mapping[str, np.ndarray]) -> str:
    """The name of an array in the file.

    Raises:
        ValueError: the format keeps the name for itself, or another array has it.
    """
    key, name = path or ".", _shown(path) or "state"
    if key == _RESERVED:
        raise ValueError(f"{name}: the file format keeps this name for itself; rename the key")
    if key in arrays:
        raise ValueError(f"{name}: two entries have the same path; rename one of the keys")
    return key


def _packed(value: Any, path: str, arrays: dict[str, np.ndarray], open_ids: tuple[int, ...] = ()) -> Any:
    """JSON for a value; its tensors go into `arrays`.

    Anything that JSON can't say by itself is an object with one key: "tensor" or "array" (dtype and shape), "dict" (
    pairs, so that keys keep their type), "tuple", "number" (not finite), "int" (very long) or "text" (not valid
    Unicode, such as file names of other encodings).
    """
    name = _shown(path) or "state"
    if isinstance(value, (Tensor, np.ndarray)):
        kind = "tensor" if isinstance(value, Tensor) else "array"
        array = np.asarray(unmasked(name, value))
        if array.dtype not in _DTYPES:
            raise TypeError(f"{name} is an array of {array.dtype}; files hold booleans, whole numbers and floats")
        key = _key(path, arrays)
        arrays[key] = np.array(array, order="C").reshape(array.shape)
        note = {"dtype": str(array.dtype), "shape": list(array.shape), "crc32": zlib.crc32(arrays[key].tobytes())}
        return {kind: key, **note}
    if isinstance(value, str):
        return value if _valid(value) else {"text": value.encode("utf-8", "surrogatepass").hex()}
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, np.integer)) and not isinstance(value, np.timedelta64):
        number = int(value)
        return number if number.bit_length() <= _PLAIN_BITS else {"int": hex(number)}
    if isinstance(value, (float, np.floating)):
        if isinstance(value, np.longdouble) and np.longdouble(float(value)) != value and value == value:
            raise TypeError(f"{name} is a {type(value).__name__} that float64 can't hold; files hold float64")
        given = float(value)
        return given if math.isfinite(given) else {"number": repr(given)}
    if isinstance(value, np.bool_):
        return bool(value)
    if id(value) in open_ids:
        raise ValueError(f"{name} contains itself")
    if len(open_ids) >= _DEEPEST:
        raise ValueError(f"{name}: dicts and lists are nested too deep; files hold {_DEEPEST} levels")
    inside = (*open_ids, id(value))
    if isinstance(value, Mapping):
        pairs = []
        for k, v in value.items():
            if isinstance(k, bool) or not isinstance(k, (str, int)):
                raise TypeError(f"{name} has the key {shown(k)}; keys must be strings or whole numbers")
            if isinstance(k, str) and not _valid(k):
                raise ValueError(f"{name} has the key {shown(k)}, which is no valid text; rename the key")
            if isinstance(k, int) and k.bit_length() > _PLAIN_BITS:
                raise ValueError(f"{name} has a key of {k.bit_length()} bits; whole numbers as keys have {_PLAIN_BITS}")
            pairs.append([k, _packed(v, f"{path}/{k}" if path else str(k), arrays, inside)])
        return {"dict": pairs}
    if isinstance(value, (list, tuple)):
        items = [_packed(v, f"{path}/{i}" if path else str(i), arrays, inside) for i, v in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    raise TypeError(
        f"{name} is a {type(value).__name__}; files hold tensors, arrays, numbers, strings, None, lists, tuples, dicts"
    )


def save(path: str | os.PathLike[str], state: Any) -> None:
    """Writes tensors and plain values to a file, whole or not at all.

    It is written under another name in the same folder (that ends in .part), brought to the disk, and then renamed,
    so that a file that was there before stays until the new one is complete.  A process that is killed while it
    saves leaves the .part behind; the next `save` to the same path removes it, and never that of a process at work.

    What can be saved can be loaded: whatever the format can't hold is refused before anything is written.

    Args:
        path: of the file; the suffix .safetensors is usual.  Links are followed; what is there already must be a
            regular file.
        state: a dict (nested as you like, up to 100 levels) of Tensors, numpy arrays, numbers, strings, None, lists
            and tuples, such as
            ``{"model": model.state_dict(), "optimizer": optimizer.state_dict(), "random": get_rng_state()}``.

    Raises:
        TypeError: something else in state, or a masked array; the message says where.
        ValueError: a state that contains itself or is nested too deep; arrays of the same path, or whose path the
            format keeps for itself ("__metadata__") or can't hold; more than 100 MB of names and plain values.
        OSError: the folder can't be written, or the target is a folder, a device, a pipe or a socket.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save as to_bytes

    if not isinstance(state, Mapping):
        raise TypeError(f"state must be a dict, not {type(state).__name__}")
    place = files.target(path)  # before the work
    arrays: dict[str, np.ndarray] = {}
    try:
        tree = _packed(state, "", arrays)
        text = json.dumps({"format": _FORMAT, "state": tree}, allow_nan=False)
    except RecursionError:  # called from deep inside something else
        raise ValueError("state is nested too deep for where save was called from") from None
    try:
        data = to_bytes(arrays, {_MARK: text, _SUM: str(zlib.crc32(text.encode()))})
    except SafetensorError as error:
        raise ValueError(f"state can't be written: {error}; files hold {_HEADER_MOST}") from error
    if int.from_bytes(data[:8], "little") > _HEADER_LIMIT:  # versions that write what they don't read
        raise ValueError(f"state can't be written: header too large; files hold {_HEADER_MOST}")
    files.write(place, data)


def _unpacked(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The opposite of `_packed`; takes what it uses out of `arrays`.  Raises KeyError, TypeError or ValueError."""
    if isinstance(value, list):
        return [_unpacked(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    if "dict" in value:
        return {k: _unpacked(v, arrays) for k, v in value["dict"]}
    if "tuple" in value:
        return tuple(_unpacked(v, arrays) for v in value["tuple"])
    if "number" in value:
        return float(value["number"])
    if "text" in value:
        return bytes.fromhex(value["text"]).decode("utf-8", "surrogatepass")
    if "int" in value:
        return int(value["int"], 16)
    kind = "tensor" if "tensor" in value else "array"
    key = value[kind]
    if key not in arrays:
        raise ValueError(f"{key} is missing")
    array = arrays.pop(key)
    if str(array.dtype) != value["dtype"] or list(array.shape) != value["shape"]:
        raise ValueError(f"{key} is {array.dtype} {array.shape}; expected {value['dtype']} {tuple(value['shape'])}")
    if zlib.crc32(array.tobytes()) != value["crc32"]:
        raise ValueError(f"the values of {key} are not those that were saved")
    return from_numpy(array) if kind == "tensor" else array


def load(path: str | os.PathLike[str]) -> Any:
    """What `save` wrote: the same dict, with Tensors where there were Tensors and arrays where there were arrays.

    No code from the file is run.  Names, dtypes, shapes and checksums are compared with what `save` noted.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError, OSError: it can't be read, or is a folder or a device.
        ValueError: it is damaged, no safetensors file, or one that `save` did not write (the message names the
            safetensors function for those).
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    files.named("path", path)
    files.readable(path)  # a device may have no end
    data = Path(path).read_bytes()
    name = os.fspath(path)
    try:
        arrays = from_bytes(data)
        size = int.from_bytes(data[:8], "little")
        notes = json.loads(data[8 : 8 + size]).get("__metadata__") or {}
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{name} is damaged or no safetensors file: {error}") from error
    if _MARK not in notes:
        raise ValueError(
            f"{name} was not written by grilly_vk.save; read its arrays with safetensors.numpy.load_file and pass them "
            "to load_state_dict"
        )
    try:
        if str(zlib.crc32(notes[_MARK].encode())) != notes[_SUM]:
            raise ValueError("its notes are not those that were saved")
        whole = json.loads(notes[_MARK])
        if whole["format"] != _FORMAT:
            raise ValueError(f"its format is {whole['format']}; this version reads {_FORMAT}")
        state = _unpacked(whole["state"], arrays)
        if arrays:
            raise ValueError(f"it holds arrays that belong nowhere: {', '.join(sorted(arrays))}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{name} is damaged: {error}") from error
    return state
