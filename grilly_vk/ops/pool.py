"""Pooling over the last axis or two, with gradients that every input gathers from the windows that hold it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import record
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .shape import reshape

MAXIMUM, FIXED, WITH_PAD, WITHOUT_PAD = range(4)  # as in shaders/pool.glsl

_POOL = Kernel("pool", over="planes oh ow", cut="x y index", steps="planes")
_GRAD = Kernel("pool-grad", over="planes h runs", cut="g y index", steps="planes")
_TILES = Kernel("pool-tiles", over="planes oh runs", fours=None, cut="x y index", steps="planes")
_TILES_GRAD = Kernel("pool-tiles-grad", over="planes rows runs", fours=None, cut="g y index", steps="planes")
_LARGEST = 16  # elements of a window that those take: an invocation has one, and its loops are written out


def _runs(on: Engine, rows: int, columns: int) -> dict[str, int]:
    """How invocations share out rows: how many neighbours one takes, and how many take a row."""
    runs = max(1, -(-columns // on.tuning.blocks(rows * columns)[0]))
    return {"run": -(-columns // runs), "runs": runs}


@dataclass(frozen=True)
class _Tiles:
    """Windows that lie side by side, without padding."""

    size: tuple[int, int]
    out: tuple[int, int]
    k: tuple[int, int]

    @property
    def by_fours(self) -> bool:
        """Whether two windows are four elements of a row, in every row."""
        return self.k[1] == 2 and self.size[1] == 2 * self.out[1] and self.out[1] % 2 == 0

    def _push(self, on: Engine, planes: int, columns: int, rows: int, vec4: bool) -> dict[str, Any]:
        """Numbers of the kernels, for windows (rows, columns) of each plane."""
        (h, w), (oh, ow), (kh, kw) = self.size, self.out, self.k
        if vec4:
            w, ow, columns = w // 4, ow // 2, columns // 2
        sizes = {"h": h, "w": w, "oh": oh, "ow": ow, **_runs(on, planes * rows, columns)}
        return {**sizes, "KH": kh, "KW": kw, "vec4": vec4}

    def pool(self, x: Tensor, y: Tensor, index: Tensor | None, work: int, push: dict[str, Any]) -> None:
        """Fills y, and index if there is one."""
        vec4 = self.by_fours and x.buffer.offset % 16 == 0
        whole = all(o * k <= n for n, o, k in zip(self.size, self.out, self.k))
        more = self._push(x.engine, push["planes"], self.out[1], self.out[0], vec4)
        _TILES(x=x, y=y, index=index, work=work, WHOLE=whole, INDEX=index is not None, **push, **more)

    def gradient(self, g: Tensor, index: Tensor | None, gx: Tensor, work: int, push: dict[str, Any]) -> None:
        """Fills gx."""
        vec4 = self.by_fours and g.buffer.offset % 8 == 0
        whole = all(o * k == n for n, o, k in zip(self.size, self.out, self.k))
        rows, cols = (max(o, -(-n // k)) for n, o, k in zip(self.size, self.out, self.k))
        more = self._push(g.engine, push["planes"], cols, rows, vec4)
        more |= {"rows": rows, "cols": cols // 2 if vec4 else cols}
        _TILES_GRAD(g=g, index=index, y=gx, work=work, WHOLE=whole, **push, **more)


def _tiles(size: tuple[int, int], out: tuple[int, int], windows: Mapping[str, int]) -> _Tiles | None:
    """The windows, if they are such tiles, and not too large."""
    k = windows["kh"], windows["kw"]
    apart = all(windows[f"stride_{a}"] == n and (n == 1 or windows[f"gap_{a}"] == 1) for n, a in zip(k, "yx"))
    if apart and windows["pad_y"] == windows["pad_x"] == 0 and k[0] * k[1] <= _LARGEST:
        return _Tiles(size, out, k)
    return None


def pool(
    name: str, x: Tensor, kind: int, out: tuple[int, int], windows: dict[str, int], *, divisor: float = 1.0,
    adaptive: bool = False, index: bool = False, axes: int = 2,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """The pooled images, and with `index` where in the plane each maximum was.

    Args:
        x: (..., H, W), or with `axes` 1 (..., W), which is a row of height 1.
        kind: MAXIMUM, or the sum by `divisor` (FIXED), or the mean with or without the padding.
        out: (OH, OW).
        windows: k, stride, pad and gap of both axes, by the kernel's names; no matter with `adaptive`.
        adaptive: the windows divide the image.
    """
    h, w = x.shape[-2:] if axes == 2 else (1, x.shape[-1])
    if adaptive and h % out[0] == w % out[1] == 0:  # windows of one size, side by side
        down, right = h // out[0], w // out[1]
        windows = {**windows, "kh": down, "kw": right, "stride_y": down, "stride_x": right, "pad_y": 0, "pad_x": 0}
        adaptive = False
    planes, inputs, results = math.prod(x.shape[:-axes]), h * w, out[0] * out[1]
    y = empty((*x.shape[:-axes], *out[-axes:]), on=x.engine)
    taken = empty(y.shape, np.int32, x.engine) if index else None
    window = -(-inputs // results) if adaptive else windows["kh"] * windows["kw"]
    tiles = None if adaptive else _tiles((h, w), out, windows)
    push: dict[str, Any] = {"KIND": kind, "divisor": divisor, "planes": planes}
    if tiles is None:
        push |= {"h": h, "w": w, "oh": out[0], "ow": out[1], "ADAPTIVE": adaptive, **windows}
        _POOL(x=x, y=y, index=taken, work=results * window, INDEX=index, **push)
    else:
        tiles.pool(x, y, taken, results * window, push)
    before, engine = x.shape, x.engine

    def backward(g: Tensor, *_: Any) -> Tensor:
        gx = empty(before, on=engine)
        work = max(inputs, results * window)
        if tiles is None:
            steps = {"STEP_Y": windows["stride_y"], "STEP_X": windows["stride_x"], **_runs(g.engine, planes * h, w)}
            _GRAD(g=g, index=taken, y=gx, work=work, **steps, **push)
        else:
            tiles.gradient(g, taken, gx, work, push)
        return gx

    record(name, (x,), (y,), backward, () if taken is None else (taken,))
    return y, taken


def sum_windows(x: Tensor, window: Sequence[int], steps: Sequence[int], places: Sequence[tuple[int, int]]) -> Tensor:
    """The sums over windows along all axes, one axis after the other.

    Args:
        window, steps: size of the window and what lies between two, for each axis.
        places: for each axis, how many windows there are and how much padding before it.
    """
    for axis, (outs, before) in enumerate(places):
        if window[axis] == 1 and steps[axis] == 1:
            continue
        lead, size, tail = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        inner = math.prod(tail)
        flat = reshape(x, (math.prod(lead), size, inner))
        columns = {"kw": 1, "stride_x": 1, "pad_x": 0, "gap_x": 1}
        rows = {"kh": window[axis], "stride_y": steps[axis], "pad_y": before, "gap_y": 1}
        x = reshape(pool("sum_pool", flat, FIXED, (outs, inner), rows | columns)[0], (*lead, outs, *tail))
    return x
