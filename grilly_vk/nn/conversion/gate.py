"""Max pooling of spike trains, and modules that a forward calls several times."""

from __future__ import annotations

from typing import Any

from ... import arguments
from ...errors import shown
from ...ops.elementwise import as_tensor
from ...ops.scan import cumsum
from ...ops.shape import concatenate
from ...settings import setting
from ...tensor import Tensor, full
from ..containers import ModuleList
from ..layers.pool import MaxPool2d
from ..module import Module
from ..stateful import StatefulModule
from .running import Running, merged, shared


class MaxPoolGate(StatefulModule):
    """Max pooling over time: passes on, for each window, the spikes of the neuron that has sent most so far.

    y[t] = maxpool(c[t]) - maxpool(c[t-1]) with c[t] = x[0] + ... + x[t] and 0 before.  So the sum of y over time is the
    max pool of the sums of x, which pooling the spikes of each step would exceed.  Of spikes of one height, y is such
    a spike or 0: the largest count grows by at most one per step.

    `nn.Converter` puts it in place of `nn.MaxPool2d`, and only a converted network can call it.

    Args:
        pool: what it stands for.

    Source: Rueckauer et al., Frontiers in Neuroscience 11 (2017), section 2.2.6: gates that let the spikes of the
    maximally firing neuron pass.  The paper estimates rates by a filter of finite length; here they are the sums.
    """

    first, running = setting(arguments.flag), setting(shared)
    sums: Any
    largest: Any
    takes_steps = True

    def __init__(self, pool: MaxPool2d) -> None:
        super().__init__()
        if not isinstance(pool, MaxPool2d):
            raise TypeError(f"pool must be a MaxPool2d, not {type(pool).__name__} ({shown(pool)})")
        self.pool = pool
        self.first = False
        self.running = Running()
        self.register_memory("sums", None)
        self.register_memory("largest", None)

    def forward(self, x: Any, *, steps: str | None = None) -> Tensor:
        """(T * B, C, H, W) to (T * B, C, H', W')."""
        x, now = as_tensor("x", x), self.running
        if not now:
            raise RuntimeError("MaxPoolGate works inside a converted network: call that, not its parts")
        if now.analog or (self.first and not now.timed):
            out: Tensor = self.pool(x)  # there is no time yet
            return out
        x = now.over_time(x)
        if now.carry:
            self.beginning()
        sums = cumsum(x, 0)
        if now.carry and self.sums is not None:
            sums = sums + self.sums
        largest: Tensor = now.over_time(self.pool(merged(sums)))
        before = self.largest if now.carry else None
        if before is None:
            before = full((1, *largest.shape[1:]), 0.0, on=x.engine)
        if now.carry:
            self.sums, self.largest = sums[-1], largest[-1:]
        late = concatenate([before, largest[:-1]], 0) if now.steps > 1 else before
        return merged(largest - late)

    def extra_repr(self) -> str:
        """Nothing: the pool says it."""
        return ""


class Places(Module):
    """A module that a forward calls several times, with separate state for each of these places, in the order of calls.

    Args:
        parts: one per call, in order.
    """

    running = setting(shared)

    def __init__(self, parts: list[Module]) -> None:
        super().__init__()
        self.parts = ModuleList(parts)
        self.running = Running()
        self._turn = (0, 0)  # number of the network's call, and calls of this module in it

    def forward(self, x: Any) -> Any:
        """What the part whose turn it is gives."""
        number, turn = self._turn
        turn = turn if number == self.running.number else 0
        if not self.running or turn == len(self.parts):
            raise RuntimeError(
                f"a module that was called {len(self.parts)} times while the network was converted is called once "
                "more, or from outside; call the converted network, and convert again where its forward has changed"
            )
        self.__dict__["_turn"] = (self.running.number, turn + 1)
        return self.parts[turn](x)
