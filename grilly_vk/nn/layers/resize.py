"""Images and sequences of another size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ... import arguments
from ...errors import shown
from ...functional import resize
from ...ops.elementwise import as_tensor
from ...ops.shape import basic_get, pad
from ...settings import fixed
from ...tensor import Tensor
from ...typing import ArrayLike
from ..module import Module


class Upsample(Module):
    """The input at another size; see `grilly_vk.functional.interpolate`.

    Args:
        size: of the result; one number, or one for each axis.
        scale_factor: instead of size: the result is floor(factor * size) long.
        mode: "nearest" (default), "nearest-exact", "linear" for (B, C, L) or "bilinear" for (B, C, H, W).
        align_corners: of the linear modes: True: the centres of the first and last elements lie on each other, False
            or None: their outer edges do.
        recompute_scale_factor: True: places follow from the sizes, not from scale_factor.

    Shape:
        (B, C, L) to (B, C, L'), or (B, C, H, W) to (B, C, H', W').

    Raises:
        ValueError, TypeError: both or none of size and scale_factor, or arguments out of range; at the call, an input
            that does not fit the mode.
    """

    size, scale_factor, mode, align_corners, recompute_scale_factor = (fixed() for _ in range(5))
    batchwise = True
    _time_rank = 4
    _ranks = (3, 4)

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: Literal["nearest", "nearest-exact", "linear", "bilinear"] = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        resize.settings(size, scale_factor, mode, align_corners)
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners
        if recompute_scale_factor is not None:
            arguments.flag("recompute_scale_factor", recompute_scale_factor)
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: ArrayLike) -> Tensor:
        """(B, C, ...) to (B, C, ...)."""
        return resize.interpolate(
            x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        """The size and the mode."""
        size = f"scale_factor={self.scale_factor}" if self.size is None else f"size={self.size}"
        return f"{size}, mode={self.mode!r}"


class ZeroPad2d(Module):
    """Pads the last two axes with zeros; negative widths remove rows and columns.

    Args:
        padding: one number for all sides, or (left, right, top, bottom); negative numbers take away.

    Shape:
        (..., H, W) to (..., H + top + bottom, W + left + right).

    Raises:
        TypeError, ValueError: neither one whole number nor four; at the call, more taken away than there is.
    """

    padding = fixed()
    batchwise = True
    _time_rank = 5

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        given = arguments.wholes("padding", padding)
        if len(given) not in (1, 4) or (len(given) == 1 and isinstance(padding, (tuple, list))):
            raise ValueError(f"padding must be a whole number, or (left, right, top, bottom), got {shown(padding)}")
        self.padding = given * 4 if len(given) == 1 else given

    def forward(self, x: ArrayLike) -> Tensor:
        """(..., H, W) to (..., H', W')."""
        x = as_tensor("x", x)
        left, right, top, bottom = self.padding
        if x.ndim < 3:
            raise ValueError(f"x has shape {x.shape}; expected (B, C, H, W) or (C, H, W)")
        h, w = x.shape[-2:]
        if min(h + top, h + bottom, h + top + bottom, w + left, w + right, w + left + right) < 0:
            raise ValueError(f"x has shape {x.shape}; padding {self.padding} takes more away than there is")
        if min(self.padding) < 0:
            rows, columns = slice(max(0, -top), h - max(0, -bottom)), slice(max(0, -left), w - max(0, -right))
            x = basic_get(x, (..., rows, columns))
        return pad(x, [(max(0, top), max(0, bottom)), (max(0, left), max(0, right))])

    def extra_repr(self) -> str:
        """The widths."""
        return str(self.padding)
