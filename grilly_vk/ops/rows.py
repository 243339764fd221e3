"""How kernels share out rows: one invocation each, or one workgroup each (shaders/include/team.glsl)."""

from __future__ import annotations

from ..tensor import Tensor

# Rows shorter than this are one invocation's: elements that are neighbours, and such that lie apart (which
# neighbouring invocations load together).  On a CPU a barrier costs more than most rows.
GPU = (128, 1024)
CPU = (4096, 4096)


def team(x: Tensor, rows: int, n: int, inner: int = 1) -> tuple[tuple[str, int], int]:
    """(the TEAM constant, invocations to launch) for `rows` rows of n elements that lie `inner` apart.

    It depends on the row and the device alone, so that a row gives the same bits in every batch.
    """
    limits = CPU if x.engine.info.type == "cpu" else GPU
    alone = n < limits[inner > 1]
    return ("TEAM", int(not alone)), rows if alone else rows * x.engine.local
