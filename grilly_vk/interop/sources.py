"""States of other frameworks as numpy arrays: mappings, safetensors files, and PyTorch's files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..errors import reason
from ..tensor import Tensor
from ..values import unmasked

_DTYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16,
    "I8": np.int8, "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip
_TORCH = (".pt", ".pth", ".bin", ".ckpt")
_WRAPPED = ("module.", "_orig_mod.")  # by DataParallel and torch.compile


def arrays_of(state: Any) -> dict[str, np.ndarray]:
    """The entries of a state as arrays.

    Args:
        state: a mapping from names to arrays or tensors, or the path of a file.

    Raises:
        TypeError: neither, or entries that are no arrays. ValueError: a damaged file.
        ImportError: a file of PyTorch's without PyTorch. OSError: a file that can't be read.
    """
    if isinstance(state, (str, os.PathLike)):
        state = _file(Path(state))
    if not isinstance(state, Mapping):
        what = type(state).__name__
        raise TypeError(f"state must be a mapping from names to tensors or the path of a file, not {what}")
    inner = [v for v in state.values() if isinstance(v, Mapping) and v and all(hasattr(x, "shape") for x in v.values())]
    if len(inner) == 1 and not any(getattr(v, "shape", ()) for v in state.values()):
        state = inner[0]  # a checkpoint with the state beside other things, such as a loss
    out = {}
    for name, value in state.items():
        if not isinstance(name, str):
            raise TypeError(f"state has the key {str(name)[:60]!r}; expected names")
        out[name] = _array(name, value)
    return out


def unwrapped(state: dict[str, np.ndarray], own: Iterable[str]) -> dict[str, np.ndarray]:
    """A state without what wrappers put before all names.

    Args:
        own: names of what is to be loaded: a part of it may be called as a wrapper calls its own.
    """
    names = list(own)
    for prefix in _WRAPPED:
        wrapped = state and all(name.startswith(prefix) for name in state)
        if wrapped and not any(name in state for name in names):
            state = {name[len(prefix) :]: value for name, value in state.items()}
    return state


def _array(name: str, value: Any) -> np.ndarray:
    """One entry; PyTorch's tensors without importing it."""
    if isinstance(value, Tensor):
        return value.numpy()
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):
            value = value.detach().cpu()
            if "bfloat16" in str(value.dtype):
                value = value.float()
        array = np.asarray(unmasked(name, value))
    except Exception as error:  # whatever another library raises
        raise TypeError(f"{name[:80]} of the state can't be read: {reason(error)}") from error
    if array.dtype.kind not in "biuf":
        kinds = ", ".join(map(str, value)) if isinstance(value, Mapping) else ""
        hint = f" with {kinds[:80]}; pass the mapping inside it that holds the tensors" if kinds else ""
        hint = f" of {array.dtype}"[:60] if hasattr(value, "dtype") else hint
        raise TypeError(f"{name[:80]} of the state is no array of numbers but a {type(value).__name__}{hint}")
    return array


def _file(path: Path) -> Any:
    files.readable(path)
    with path.open("rb") as file:
        begin = file.read(16)
    if path.suffix.lower() in _TORCH or begin[:4] == b"PK\x03\x04":
        return _of_torch(path)
    return _of_safetensors(path)


def _of_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, deserialize

    name = files.brief(path)
    try:
        entries = deserialize(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{name} is damaged or no safetensors file: {reason(error, 80)}") from error
    out = {}
    for key, entry in entries:
        kind, shape = entry["dtype"], tuple(entry["shape"])
        if kind == "BF16":  # the upper half of float32
            wide = np.frombuffer(entry["data"], "<u2").astype(np.uint32) << 16
            out[key] = wide.view(np.float32).reshape(shape)
        elif kind in _DTYPES:
            out[key] = np.frombuffer(entry["data"], np.dtype(_DTYPES[kind]).newbyteorder("<")).reshape(shape)
        else:
            raise ValueError(f"{name} has {key[:60]} as {kind}, which can't be read")
    return out


def _of_torch(path: Path) -> Any:
    name = files.brief(path)
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"{name}: files of PyTorch's own are read by PyTorch, which is not installed; "
            "safetensors.torch.save_file(model.state_dict(), path) writes one that needs none"
        ) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)  # runs no code of the file's
    except Exception as error:  # of many kinds, by version
        raise ValueError(f"{name} is damaged, or holds more than weights: {reason(error, 80)}") from error
