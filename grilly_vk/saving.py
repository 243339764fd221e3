"""Files of tensors and plain values, in the safetensors format: never pickle, so that loading runs no code.

Tensors lie in the file under their path in the nested dict ("model/0.weight").  Everything else, and where the
tensors belong, is JSON in the file's metadata.  Other programs that read safetensors see the arrays.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .tensor import Tensor, from_numpy

_MARK, _SUM = "grilly_vk", "grilly_vk_crc32"  # metadata entries
_FORMAT = 1
_DTYPES = {np.dtype(d): d for d in ("bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64")}
_DTYPES |= {np.dtype(d): d for d in ("float16", "float32", "float64")}


def _packed(value: Any, path: str, arrays: dict[str, np.ndarray], open_ids: tuple[int, ...] = ()) -> Any:
    """JSON for a value; its tensors go into `arrays`.

    Anything that JSON can't say by itself is an object with one key: "tensor" or "array" (dtype and shape), "dict" (
    pairs, so that keys keep their type), "tuple" or "number" (not finite).
    """
    name = path or "state"
    if isinstance(value, (Tensor, np.ndarray)):
        kind = "tensor" if isinstance(value, Tensor) else "array"
        array = np.asarray(value)
        if array.dtype not in _DTYPES:
            raise TypeError(f"{name} is an array of {array.dtype}; files hold booleans, whole numbers and floats")
        key = path or "."
        if key in arrays:
            raise ValueError(f"{name}: two entries have the same path; rename one of the keys")
        arrays[key] = np.array(array, order="C").reshape(array.shape)
        note = {"dtype": str(array.dtype), "shape": list(array.shape), "crc32": zlib.crc32(arrays[key].tobytes())}
        return {kind: key, **note}
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else {"number": repr(number)}
    if isinstance(value, np.bool_):
        return bool(value)
    if id(value) in open_ids:
        raise ValueError(f"{name} contains itself")
    inside = (*open_ids, id(value))
    if isinstance(value, Mapping):
        pairs = []
        for k, v in value.items():
            if isinstance(k, bool) or not isinstance(k, (str, int)):
                raise TypeError(f"{name} has the key {k!r}; keys must be strings or whole numbers")
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

    It is written under another name in the same folder, brought to the disk, and then renamed, so that a file that
    was there before stays until the new one is complete.

    Args:
        path: of the file; the suffix .safetensors is usual.
        state: a dict (nested as you like) of Tensors, numpy arrays, numbers, strings, None, lists and tuples, such as
            ``{"model": model.state_dict(), "optimizer": optimizer.state_dict(), "random": get_rng_state()}``.

    Raises:
        TypeError: something else in state; the message says where. ValueError: a state that contains itself.
        OSError: the folder can't be written.
    """
    from safetensors.numpy import save as to_bytes

    if not isinstance(state, Mapping):
        raise TypeError(f"state must be a dict, not {type(state).__name__}")
    arrays: dict[str, np.ndarray] = {}
    tree = _packed(state, "", arrays)
    text = json.dumps({"format": _FORMAT, "state": tree}, allow_nan=False)
    data = to_bytes(arrays, {_MARK: text, _SUM: str(zlib.crc32(text.encode()))})
    target = Path(path).resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else None
    part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            part.chmod(mode)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """The rename on the disk too, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
        FileNotFoundError, OSError: it can't be read.
        ValueError: it is damaged, no safetensors file, or one that `save` did not write (the message names the
            safetensors function for those).
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

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
