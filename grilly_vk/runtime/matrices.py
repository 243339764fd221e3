"""Matrix units: whether a device takes products of float16 matrices with float32 sums, and in which tiles.

Source: Khronos, VK_KHR_cooperative_matrix.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ..errors import DeviceError
from .devices import DeviceInfo
from .kernels import Kernels
from .limits import needs, offered

PRODUCT, CONVOLUTION = "matmul-matrices", "conv-matrices"
KERNELS = (PRODUCT, CONVOLUTION)
# The last for whole subgroups, which Vulkan demands of these kernels unless they are SPIR-V 1.6, beyond Vulkan 1.1.
FEATURES = ("float16 arithmetic", "vulkan memory model", "cooperative matrix", "subgroup size control")


class Tile(NamedTuple):
    """What a workgroup makes of a product; the names are those of the kernel's constants.

    The device multiplies M x K by K x N; each of the subgroups keeps ROWS x COLUMNS such results.
    """

    M: int
    N: int
    K: int
    SUBGROUPS: int
    ROWS: int
    COLUMNS: int

    def tiles(self, rows: int, columns: int) -> int:
        """Tiles that a result of so many rows and columns has."""
        return -(-rows // (self.SUBGROUPS * self.ROWS * self.M)) * -(-columns // (self.COLUMNS * self.N))


class MatrixUnits:
    """Those of an opened device.

    Args:
        info: the device.
        kernels: its kernels.
        taken: names of the optional features that it was opened with.
        local: invocations of a workgroup.

    Attributes:
        lacking: why there are none, or "".
    """

    def __init__(self, info: DeviceInfo, kernels: Kernels, taken: Collection[str], local: int) -> None:
        self.lacking = ""
        self._info, self._kernels, self._local = info, kernels, local
        self._tiles: dict[tuple[str, int, int], Tile] = {}
        absent = [name for name in FEATURES if name not in taken]
        if absent:
            self.lacking = f"of the optional features {', '.join(FEATURES)} it was opened without {', '.join(absent)}"
        elif not info.matrix_sizes:
            self.lacking = "its cooperative matrices are not of float16 with float32 sums in a subgroup"
        elif local % info.subgroup_size:
            self.lacking = f"workgroups of {local} are no whole subgroups of {info.subgroup_size}"
        elif not all(kernels.has(name) for name in KERNELS):
            self.lacking = (
                "its kernels were not built: that takes glslc and spirv-val that know GL_KHR_cooperative_matrix"
            )

    def demand(self) -> None:
        """Raises DeviceError: there are no matrix units."""
        if self.lacking:
            raise DeviceError(
                f"precision 'float16' needs matrix units, which {self._info} has not: {self.lacking}. Use 'float32', "
                "or choose another device with GRILLY_VK_DEVICE or grilly_vk.set_device()"
            )

    def tile(self, liked: tuple[int, int], rows: int, columns: int, kernel: str = PRODUCT) -> Tile:
        """The tile for a result of so many rows and columns.

        Args:
            liked: ROWS and COLUMNS if neither the result nor the device's shared memory is too small for them.
            rows, columns: of the result.
            kernel: that makes it.

        Raises:
            DeviceError: there are no matrix units.
        """
        self.demand()
        m, n, _ = self._sizes()
        tall, wide = liked
        while tall > 1 and self._subgroups() * (tall // 2) * m >= rows:
            tall //= 2
        while wide > 1 and (wide // 2) * n >= columns:
            wide //= 2
        key = (kernel, tall, wide)
        if key not in self._tiles:
            self._tiles[key] = self._fitting(*key)
        return self._tiles[key]

    def _sizes(self) -> tuple[int, int, int]:
        return max(self._info.matrix_sizes, key=lambda s: s[0] * s[1] * s[2])

    def _subgroups(self) -> int:
        return self._local // self._info.subgroup_size

    def _fitting(self, kernel: str, tall: int, wide: int) -> Tile:
        """The largest of these or their halves whose shared memory the device has."""
        code, face = self._kernels.module(kernel)
        while True:
            tile = Tile(*self._sizes(), self._subgroups(), tall, wide)
            # the most of all forms, so that a product and its gradients have the same tile
            most = max(needs(code, face, self._local, {**tile._asdict(), "FORM": f})["shared memory"] for f in range(3))
            if most <= offered(self._info, "shared memory") or tall == wide == 1:  # too large a last one: limits.check
                return tile
            if tall > 1 and (wide == 1 or tall * tile.SUBGROUPS * tile.M >= wide * tile.N):
                tall //= 2
            else:
                wide //= 2
