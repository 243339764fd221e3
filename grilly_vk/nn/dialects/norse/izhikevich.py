"""Izhikevich's neuron as Norse steps it: the recovery follows the potential before the step."""

from __future__ import annotations

from typing import Any

from .... import arguments
from ....settings import setting
from ...spiking.node_models import no_waiting
from ...spiking.nodes import SpikingNode
from ..starting import starting_at


class Izhikevich2003Node(SpikingNode):
    """H = v + k (sq v^2 + mn v + bias - u + x); u <- u + k a (b v - u), plus d at a spike; then v = v_reset.

    Args:
        a, b: pace of the recovery, and its coupling to the potential. d: its jump at a spike.
        sq, mn, bias: of the potential's parabola.
        k: the step, dt tau_inv, positive.
        v_start, u_start: where both begin.
        options: v_threshold, v_reset, surrogate_function and the rest of what SpikingNode takes, but for refractory.

    Attributes:
        u: the recovery after the last step.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Izhikevich, "Simple model of spiking neurons", IEEE Trans. Neural Networks 14 (2003); as Norse's
    izhikevich_feed_forward_step.
    """

    a, b, d, sq, mn, bias = (setting(arguments.real) for _ in range(6))
    k = setting(arguments.positive)
    refractory = setting(no_waiting, "Izhikevich2003Node")
    _model = "izhikevich_2003"
    _numbered = ("a", "b", "d", "sq", "mn", "bias", "k")

    def __init__(
        self,
        a: float,
        b: float,
        d: float,
        sq: float,
        mn: float,
        bias: float,
        k: float,
        v_start: float,
        u_start: float,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.a, self.b, self.d = a, b, d
        self.sq, self.mn, self.bias = sq, mn, bias
        self.k = k
        self.register_memory("u", arguments.real("u_start", u_start))
        starting_at(self, arguments.real("v_start", v_start))

    def _k(self) -> float:
        return self.k
