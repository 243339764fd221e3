"""What PyTorch's functions, layers and losses say when they are given our tensors."""

from __future__ import annotations

from typing import Any

from .. import families
from ..tensor import Tensor


def _torch_function(cls: type, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """PyTorch asks this before it fails on a Tensor of ours in words of its own: Tensor is not Tensor.

    Raises:
        TypeError: always.
    """
    name = getattr(function, "__name__", str(function))
    ours = families.of_function(name)
    here = f"use {ours} here, or " if ours else ""
    raise TypeError(f"{name} of PyTorch was given a Tensor of grilly_vk; {here}give it torch.as_tensor(x)")


setattr(Tensor, "__torch_function__", classmethod(_torch_function))  # noqa: B010
