"""The converted network: an ordinary Module whose call is T steps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from ... import arguments
from ...ops.elementwise import add, as_tensor, cast, unary
from ...ops.shape import broadcast_to, concatenate
from ...settings import fixed, setting
from ...stepping import reset_net
from ...tensor import FLOAT32, Tensor
from ...typing import ArrayLike
from ..module import Module
from .node import RateNode
from .running import Running, merged


class ConvertedNetwork(Module):
    """What `nn.Converter` makes of a network: T steps of its spiking form, in one dispatch per layer.

    A call starts from the first potentials and leaves nothing behind, so there is nothing to reset.  All steps go
    through the network as one batch (T * B, ...), and what comes before the first spikes is computed once where the
    input is the same at every step.

    Attributes:
        net: the network's copy with spiking parts.
        T: steps of a call that names no other number.
        mode: what `nn.VoltageScaler` takes of a layer's activations, as given to the Converter.

    Shape:
        (B, ...) to what the original network gives; see `forward` for time axes.
    """

    T = setting(arguments.size)
    mode, sample_shape, spread, widest = fixed(), fixed(), fixed(), fixed()
    running = fixed(how="it belongs to the conversion")
    takes_steps = runs_steps = True
    piece_bytes = 1 << 26  # devices bind 128 MiB at least
    _shown = ("T", "mode")

    def __init__(
        self,
        net: Module,
        running: Running,
        T: int,
        mode: Any,
        sample_shape: tuple[int, ...],
        spread: bool,
        widest: int,
    ) -> None:
        super().__init__()
        self.net = net
        self.running = running
        self.T = T
        self.mode = mode
        self.sample_shape = sample_shape  # of one sample when it was converted
        self.spread = spread  # a branch without spikes meets one with: the input goes in T times
        # Where the mean can be taken before the read-out; in a list, since it is a part of net already.
        self._last = [node for node in self.nodes().values() if node.last]
        self.widest = widest  # elements of one sample in the largest tensor

    def _step_ranks(self) -> tuple[int, ...]:
        return (len(self.sample_shape) + 1,)

    def forward(
        self, x: ArrayLike, T: int | None = None, *, timed: bool = False, output: str = "mean", steps: str | None = None
    ) -> Tensor:
        """The network's output as the mean over T steps, comparable with the original network's.

        Args:
            x: (B, ...), which is presented at every step; with `timed` (T, B, ...), an input for each step.
            T: steps; None: the attribute T, or with `timed` as many as x has.
            timed: whether x has a time axis (default False).
            output: "mean", (B, ...), or "steps": the output of each step, (T, B, ...).
            steps: given by containers: x has a time axis, and so has the output.

        Raises:
            ValueError: no such shape, T below 1, or not as many steps as T says.
            TypeError: no real numbers.
        """
        timed = arguments.flag("timed", timed)
        whole = arguments.choice("output", output, ("mean", "steps")) == "steps" or steps is not None
        parts = list(self.pieces(x, T, timed=timed or steps is not None, mean=not whole))
        if len(parts) == 1:
            return parts[0][1]
        if whole:
            return concatenate([out for _, out in parts], 0)
        count = sum(size for size, _ in parts)
        return functools.reduce(add, [unary("scale", out, size / count) for size, out in parts])

    def pieces(
        self,
        x: ArrayLike,
        T: int | None = None,
        *,
        timed: bool = False,
        carry: bool = False,
        mean: bool = False,
        watch: Callable[[RateNode, Tensor], None] | None = None,
    ) -> Iterator[tuple[int, Tensor]]:
        """Steps and outputs (t, B, ...) in as few pieces as keep every tensor below `piece_bytes`.

        Args:
            x, T, timed: as in `forward`.
            carry: go on from the potentials that the last such call left, and leave them; `F.reset_net` forgets them.
            mean: the outputs' mean over the piece, (B, ...), instead.
            watch: called with each RateNode and its spikes (t * B, ...), t being the steps of the piece.
        """
        x = self._input(x, timed)
        count = arguments.size("T", T if T is not None else x.shape[0] if timed else self.T)
        if timed and x.shape[0] != count:
            raise ValueError(f"x has {x.shape[0]} steps (shape {x.shape}); T is {count}")
        most = max(1, self.piece_bytes // (4 * self.widest * x.shape[int(timed)]))
        keep = carry or count > most
        if keep and not carry:
            reset_net(self.net)
        try:
            for start in range(0, count, most):
                steps = min(most, count - start)
                part = x[start : start + steps] if timed and steps < count else x
                if self.spread and not timed:
                    part = broadcast_to(x.reshape(1, *x.shape), (steps, *x.shape))
                own = timed or self.spread
                early = mean and bool(self._last) and not self._last[0]._forward_hooks  # which look for spikes
                with self.running.call(steps, timed=own, carry=keep, mean=early, watch=watch):
                    out = self.net(merged(part) if own else part)
                    if not early:
                        out = self.running.over_time(out)
                yield steps, out.mean(0) if mean and not early else out
        finally:
            if keep and not carry:
                reset_net(self.net)

    def analog(self, x: ArrayLike, watch: Callable[[RateNode, Tensor], None] | None = None) -> Tensor:
        """What the original network computes, batch norm folded: each node is the ReLU that it stands for.

        Args:
            x: (B, ...).
            watch: called with each RateNode and its activations.
        """
        x = self._input(x, False)
        with self.running.call(1, analog=True, watch=watch):
            out: Tensor = self.net(x)
            return out

    def _input(self, x: Any, timed: bool) -> Tensor:
        x = as_tensor("x", x)
        axes = len(self.sample_shape) + 1 + timed
        if x.ndim != axes or 0 in x.shape[: 1 + timed]:
            lead = "T, B" if timed else "B"
            wanted = ", ".join([lead, *map(str, self.sample_shape)])
            raise ValueError(
                f"x has shape {x.shape}; expected ({wanted}) with at least one sample"
                + ("" if timed else "; for an input with steps of its own pass timed=True")
            )
        return x if x.dtype is FLOAT32 else cast(x, FLOAT32)

    def nodes(self) -> dict[str, RateNode]:
        """The spiking nodes by their names in `net`."""
        return {name: part for name, part in self.net.named_modules() if isinstance(part, RateNode)}

    def thresholds(self) -> dict[str, float]:
        """Each node's threshold by name; waits for the device."""
        return {name: float(node.threshold.item()) for name, node in self.nodes().items()}
