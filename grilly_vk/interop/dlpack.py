"""Arrays of other libraries by DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..creation import tensor
from ..errors import reason
from ..tensor import Tensor


def from_dlpack(x: Any) -> Tensor:
    """A tensor with a copy of another library's array, read by DLPack from memory that the host sees.

    PyTorch's and numpy's functions of this name share the memory; a device has its own, so this one copies, once.  The
    other way, ``torch.from_dlpack(tensor)`` and ``np.from_dlpack(tensor)`` see the device's memory itself, where the
    host does.

    Args:
        x: an object with `__dlpack__` and `__dlpack_device__`: float16 to float64 become float32, whole numbers int32.

    Returns:
        float32, int32, uint32 or bool, of x's shape.

    Raises:
        TypeError: an object without DLPack, or types of elements that numpy does not have, such as bfloat16.
        ValueError: whole numbers that don't fit.
        BufferError: memory that the host does not see.
    """
    if not (hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__")):
        raise TypeError(f"x must be an array with __dlpack__ and __dlpack_device__, not {type(x).__name__}")
    if isinstance(x, (Tensor, np.ndarray)):  # numpy exports no foreign byte order
        return tensor(x)
    detach = getattr(x, "detach", None)  # PyTorch exports no tensor that wants a gradient
    try:
        seen = np.from_dlpack(detach() if callable(detach) else x)
    except BufferError as error:
        raise BufferError(f"x, a {type(x).__name__}, does not lie in memory that the host sees: {error}") from error
    except Exception as error:  # whatever the other library raises
        raise TypeError(f"x, a {type(x).__name__}, can't be read by DLPack: {reason(error)}") from error
    return tensor(seen)
