"""How kernels share out rows: one invocation each, or one workgroup each (shaders/include/team.glsl)."""

from __future__ import annotations

from ..tensor import Tensor


def team(x: Tensor, rows: int, n: int, inner: int = 1) -> tuple[tuple[str, int], int]:
    """(the TEAM constant, invocations to launch) for `rows` rows of n elements that lie `inner` apart.

    It depends on the row alone, so that a row gives the same bits in every batch.
    """
    alone = n < (128 if inner == 1 else 1024)
    return ("TEAM", int(not alone)), rows if alone else rows * x.engine.local
