"""What kernels should be like on a class of devices: the one place that knows CPUs from GPUs.

Ops ask `engine.tuning`, never what kind of device it is, so the rules for one kind can be tested on another: results
are right under every Tuning, but for `lanes`, which a device without such subgroups refuses.  Values for CPUs were
measured on lavapipe; those for GPUs follow from how they work (docs/decisions.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import tuning_table
from .devices import LANES as SUBGROUP
from .devices import DeviceInfo


@dataclass(frozen=True)
class Tuning:
    """Choices that depend on the device.  The defaults are for a GPU."""

    local: int = 64  # invocations of a workgroup
    work: int = 1 << 31  # element-steps in one submit, at most: a driver may end what runs for seconds
    first_work: int = 1 << 26  # the same before it is known how fast the device is

    # How much one invocation or workgroup takes.
    chunk: int = 1  # neighbouring elements that go through time together, at most (shaders/include/blocks.glsl)
    block: int = 8  # steps that each of several stays for
    row: int = 128  # elements from which a workgroup shares a row (shaders/include/team.glsl)
    column: int = 1024  # the same where they lie apart, so that neighbouring invocations load neighbours
    stretches: int = 8192  # invocations wanted where sums over groups are cut into stretches
    images: int = 256  # workgroups that present images to a Diehl & Cook network side by side
    idle: int = 256  # how much slower the device is on one workgroup than on all that it can run

    # Variants of kernels that load and store eight numbers at once (shaders/include/eights.glsl), if the device can.
    eights: bool = False

    # Batch norm.
    norm_rows: bool = False  # an invocation normalises a stretch of a row, not single elements
    norm_columns: int = 65536  # invocations wanted where channels lie side by side
    norm_teams: bool = True  # a workgroup shares the sums of a channel that lies in rows
    norm_sums: int = 16384  # invocations wanted for sums that none shares
    norm_per_step_joins: bool = True  # a node takes in a norm with other numbers in each step; any other it always does

    # Products.
    lanes: bool = False  # kernels of shaders/lanes, in which a subgroup broadcasts what its lanes load
    lanes_channels: int = 5  # of a convolution's result, from which they pay
    lanes_columns: int = 17  # of a product: fewer leave lanes idle
    lanes_heads: int = 9  # columns of a product in attention
    lanes_rows: tuple[int, ...] = (8, 16, 32)  # that a subgroup may take at once, by four columns a lane
    lanes_padded: int = 1 << 22  # multiplications from which odd sizes are brought to multiples of four for them
    # (rows that an invocation keeps, tiles of rows that share columns) for A B, A B^T, A^T B of 64 rows and more
    product_tiles: tuple[tuple[int, int], ...] = ((8, 4), (4, 8), (8, 8))
    matrix_tile: tuple[int, int] = (2, 4)  # results of matrix units, by rows and columns, that a subgroup keeps
    stepped_recurrence: bool = False  # recurrent layers take a product in each step; else a workgroup walks all steps

    host_product: int = 1 << 21  # multiplications from which the host's BLAS repays the break in the device's work
    host_heads: int = 1 << 19  # the same for products of attention, of all heads: those of the device are slower
    host_stream: int = 1 << 15  # elements from which passes through memory (batch norms, LIF, filters) are the host's
    host_delays: int = 1 << 19  # multiplications of a product with a delay for each connection, likewise
    host_recurrence: int = 1 << 20  # of one step, from which a recurrent layer's products are the host's

    # Delivery of spikes in grilly_vk.sim.
    sim_lanes: int = 1  # of a slice, each of which owns its neurons; 1: a row is shared, and sums are atomic
    sim_slices: int = 1  # of a table, at least
    sim_groups: int = 1024  # workgroups that share the rows of a batch

    # Processes that share a network or a batch.
    ranks_share: bool = False  # several may use the device without being asked to: a CPU's cores are theirs anyway

    # Products with spikes that skip zeros.
    event_driven: bool = False  # where the user leaves it open, by density
    event_rows: int = 64  # rows of spikes from which making the lists costs less than the product
    event_outs: int = 32  # results, likewise
    event_forward: float = 0.27  # share of the dense work from which dense products are faster
    event_gradient: float = 0.45  # the same for the weight's gradient
    event_host: float = 0.06  # the same for both where the host does the dense product
    event_columns: tuple[int, int] = (1, 1)  # columns that an invocation keeps, or as many fours of them

    def blocks(self, items: int) -> tuple[int, int]:
        """(CHUNK, BLOCK) of kernels with shaders/include/blocks.glsl that go over so many items.

        A CPU prefetches a few long rows well and 64 short visits badly: blocks of steps over neighbouring elements are
        1.6 times as fast there for what exceeds its caches.  GPUs take one element an invocation and all steps.
        """
        chunk = 1
        while chunk < self.chunk and items >= 64 * self.local * chunk:
            chunk *= 2
        return chunk, self.block if chunk > 1 else 0

    def lane_rows(self, rows: int) -> int:
        """ROWS of the kernels of shaders/lanes for a product of so many rows."""
        return next((r for r in self.lanes_rows if rows <= r), self.lanes_rows[-1])

    def lane_items(self, tiles: int) -> int:
        """Invocations for so many of their tiles: of few, each gets a workgroup; of many, a subgroup."""
        return tiles * (self.local if tiles <= 64 else SUBGROUP)

    def lane_tiles(self, rows: int, columns: int, batch: int = 1) -> tuple[int, int]:
        """(ROWS, invocations) for products of these sizes."""
        tall = self.lane_rows(rows)
        return tall, self.lane_items(batch * -(-rows // tall) * -(-columns // (4 * SUBGROUP)))


DISCRETE = Tuning(work=1 << 37, first_work=1 << 28)
INTEGRATED = Tuning(work=1 << 34)
OTHER = Tuning()
CPU = Tuning(
    work=1 << 29, first_work=1 << 29,
    chunk=16, row=4096, column=4096, stretches=128, images=8, idle=1,
    norm_rows=True, norm_columns=1024, norm_teams=False, norm_sums=2048, norm_per_step_joins=False,
    event_driven=True, event_columns=(8, 4), sim_lanes=8, sim_slices=2, ranks_share=True,
)  # fmt: skip
LANES = replace(CPU, lanes=True, stepped_recurrence=True, eights=True)  # lavapipe, with vectors of eight floats

_BY_TYPE = {"discrete": DISCRETE, "integrated": INTEGRATED, "virtual": INTEGRATED, "cpu": CPU, "other": OTHER}


def usual(info: DeviceInfo) -> Tuning:
    """What suits a device of its kind."""
    return LANES if info.lanes else _BY_TYPE[info.type]


def tuning_for(info: DeviceInfo) -> Tuning:
    """What suits a device: what suits its kind, with what `check --tune` measured on it (tuning_table.py)."""
    measured = tuning_table.load(info)
    return replace(usual(info), **measured) if measured else usual(info)
