"""snnTorch's neurons and surrogate gradients, by its names, arguments and defaults (snnTorch 1.0).

The functions give layers of `grilly_vk.nn` whose spikes, potentials and gradients are those of `snntorch`.  What is
ours: a call takes all steps of a sequence (T, B, ...) and gives spikes; snnTorch's `mem` of each step is `node.v_seq`,
and the last one `node.v`.  The state goes on until `grilly_vk.functional.reset_net`.  With ``step_mode="s"`` a call is
one step.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from ... import arguments
from ...modes import M
from ...ops.late_reset import Reset
from ...surrogate import ATan, Sigmoid, SuperSpike, Surrogate
from ...tensor import Tensor, from_numpy
from ...typing import ArrayLike, StepMode
from ..layers.conv import Conv2d
from ..layers.linear import Linear
from ..module import Buffer, Module, Parameter
from ..spiking.late_reset import AlphaNode, LateResetNode
from ..spiking.nodes import PerNeuron, per_neuron
from ..synapses.recurrent_synapse import RecurrentSynapse

__all__ = [
    "Alpha", "Lapicque", "Leaky", "RLeaky", "RSynaptic", "RecurrentOneToOne", "StateLeaky", "Synaptic", "atan",
    "fast_sigmoid", "sigmoid",
]  # fmt: skip
Mechanism: TypeAlias = Literal["subtract", "zero", "none"]


def Leaky(
    beta: PerNeuron,
    threshold: PerNeuron = 1.0,
    spike_grad: Surrogate | None = None,
    *,
    init_hidden: bool = True,
    learn_beta: bool = False,
    learn_threshold: bool = False,
    reset_mechanism: Mechanism = "subtract",
    output: bool = False,
    graded_spikes_factor: PerNeuron = 1.0,
    learn_graded_spikes_factor: bool = False,
    reset_delay: bool = True,
    step_mode: StepMode = M,
) -> LateResetNode:
    """`snntorch.Leaky`: mem = beta mem + x - reset threshold, spk = [mem > threshold], reset the spike of before.

    Args:
        beta: decay of the potential per step, in [0, 1]: a number, or one for each neuron.
        threshold: default 1.
        spike_grad: a surrogate, such as `fast_sigmoid()`; None (default): atan().
        init_hidden: True: the node has the state.  False, snnTorch's default, where the caller has it, is an error.
        learn_beta, learn_threshold: whether they are Parameters, `beta` and `v_threshold` (default False).
        reset_mechanism: "subtract" (default), "zero": mem = x in the step after a spike, or "none".
        output: False: calls give spikes.  True, which gives mem, too, is an error: that is `v_seq`.
        graded_spikes_factor: the height of spikes (default 1).
        learn_graded_spikes_factor: whether it is a Parameter, `spike_factor` (default False).
        reset_delay: False: a spike resets mem in its own step (default True).
        step_mode: "m" (default): x is (T, B, ...); "s": (B, ...).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proceedings of the
    IEEE 111 (2023).
    """
    _states_in_the_node(init_hidden, output)
    learnt = {"beta": learn_beta, "v_threshold": learn_threshold, "spike_factor": learn_graded_spikes_factor}
    return LateResetNode(
        beta, None, threshold, _mechanism(reset_mechanism), spike_grad, step_mode, _kept(reset_delay), late=reset_delay,
        spike_factor=graded_spikes_factor, learn=_learnt(learnt),
    )  # fmt: skip


def Synaptic(
    alpha: PerNeuron,
    beta: PerNeuron,
    threshold: PerNeuron = 1.0,
    spike_grad: Surrogate | None = None,
    *,
    init_hidden: bool = True,
    learn_alpha: bool = False,
    learn_beta: bool = False,
    learn_threshold: bool = False,
    reset_mechanism: Mechanism = "subtract",
    output: bool = False,
    reset_delay: bool = True,
    step_mode: StepMode = M,
) -> LateResetNode:
    """`snntorch.Synaptic`: syn = alpha syn + x, mem = beta mem + syn - reset threshold; syn is `current`.

    Args:
        alpha: decay of the current per step, in [0, 1].
        beta, threshold, spike_grad, init_hidden, learn_beta, learn_threshold, output, reset_delay, step_mode: as in
            `Leaky`.
        learn_alpha: whether it is a Parameter, `alpha` (default False).
        reset_mechanism: "subtract" (default), "zero": mem is 0 in the step after a spike, or "none".

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: as `Leaky`.
    """
    _states_in_the_node(init_hidden, output)
    if alpha is None:
        raise TypeError("alpha must be a number, not NoneType")
    learnt = {"alpha": learn_alpha, "beta": learn_beta, "v_threshold": learn_threshold}
    return LateResetNode(
        beta, alpha, threshold, _mechanism(reset_mechanism, "blank"), spike_grad, step_mode, _kept(reset_delay),
        late=reset_delay, learn=_learnt(learnt),
    )  # fmt: skip


def Alpha(
    alpha: PerNeuron,
    beta: PerNeuron,
    threshold: PerNeuron = 1.0,
    spike_grad: Surrogate | None = None,
    *,
    init_hidden: bool = True,
    learn_beta: bool = False,
    learn_threshold: bool = False,
    reset_mechanism: Mechanism = "zero",
    output: bool = False,
    step_mode: StepMode = M,
) -> AlphaNode:
    """`snntorch.Alpha`: mem is the difference of two currents; syn_exc is `excitation`, syn_inh `inhibition`.

    Args:
        alpha: decay of the excitatory current per step, in [0, 1], above beta.
        beta: decay of the inhibitory current per step, in [0, 1].
        threshold, spike_grad, init_hidden, learn_beta, learn_threshold, output, step_mode: as in `Leaky`.
        reset_mechanism: "zero" (default): all three are 0 in the step after a spike; "subtract", or "none".

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; alpha is not above beta.

    Source: as `Leaky`; `AlphaNode` has the formulas.
    """
    _states_in_the_node(init_hidden, output)
    learnt = {"beta": learn_beta, "v_threshold": learn_threshold}
    return AlphaNode(alpha, beta, threshold, reset_mechanism, spike_grad, step_mode, "before", learn=_learnt(learnt))


def Lapicque(
    beta: float | None = None,
    R: float | None = None,
    C: float | None = None,
    time_step: float = 1,
    threshold: PerNeuron = 1.0,
    spike_grad: Surrogate | None = None,
    *,
    init_hidden: bool = True,
    learn_threshold: bool = False,
    reset_mechanism: Mechanism = "subtract",
    output: bool = False,
    step_mode: StepMode = M,
) -> LateResetNode:
    """`snntorch.Lapicque`: mem = (1 - time_step / (R C)) mem + x time_step / C - reset threshold.

    Args:
        beta: exp(-time_step / (R C)), in place of R, of C or of both; with beta alone R is 1.
        R, C: resistance and capacitance; False stands for None.
        time_step: default 1.
        threshold, spike_grad, init_hidden, learn_threshold, output, step_mode: as in `Leaky`.
        reset_mechanism: "subtract" (default), "zero": mem is 0 in the step after a spike, or "none".

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; too few of beta, R and C, or all three.

    Source: Lapicque, "Recherches quantitatives sur l'excitation electrique des nerfs", 1907; as `Leaky`.
    """
    _states_in_the_node(init_hidden, output)
    step = arguments.positive("time_step", time_step)
    share, ohm, farad = (
        None if value is None or value is False else arguments.positive(name, value)
        for name, value in (("beta", beta), ("R", R), ("C", C))
    )
    given = [name for name, value in (("beta", share), ("R", ohm), ("C", farad)) if value is not None]
    if (share is None and len(given) < 2) or len(given) == 3:
        raise ValueError(f"Lapicque needs beta, or R and C, or beta and one of them; got {', '.join(given) or 'none'}")
    if share is not None:
        if share >= 1.0:
            raise ValueError(f"beta must lie between 0 and 1, got {share:g}")
        both = step / -math.log(share)
        ohm = 1.0 if ohm is None and farad is None else ohm
        ohm, farad = (both / (farad or 1.0) if ohm is None else ohm), (both / (ohm or 1.0) if farad is None else farad)
    assert ohm is not None and farad is not None
    left = 1.0 - step / (ohm * farad)
    if left < 0.0:
        raise ValueError(f"time_step must be at most R C, or the potential swings: {step:g} and {ohm * farad:g}")
    return LateResetNode(
        left, None, threshold, _mechanism(reset_mechanism, "blank"), spike_grad, step_mode, "before",
        gain=step / farad, learn=_learnt({"v_threshold": learn_threshold}),
    )  # fmt: skip


def StateLeaky(
    beta: PerNeuron,
    threshold: PerNeuron = 1.0,
    spike_grad: Surrogate | None = None,
    *,
    learn_threshold: bool = False,
    graded_spikes_factor: PerNeuron = 1.0,
    learn_graded_spikes_factor: bool = False,
    step_mode: StepMode = M,
) -> LateResetNode:
    """`snntorch.StateLeaky`: mem[t] = sum over s of exp(-s (1 - beta)) x[t - s], without reset.

    Args:
        beta: 1 - 1/tau, in [0, 1]: what is left after a step is exp(-1/tau).
        threshold, spike_grad, learn_threshold, graded_spikes_factor, learn_graded_spikes_factor, step_mode: as in
            `Leaky`.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: as `Leaky`.
    """
    given = per_neuron("beta", beta, lambda name, value: arguments.between(name, value, 0.0, 1.0))
    left = np.exp(np.asarray(given, np.float64) - 1.0)
    learnt = {"v_threshold": learn_threshold, "spike_factor": learn_graded_spikes_factor}
    return LateResetNode(
        left if left.ndim else float(left), None, threshold, "none", spike_grad, step_mode, "before",
        spike_factor=graded_spikes_factor, learn=_learnt(learnt),
    )  # fmt: skip


def RLeaky(
    beta: PerNeuron,
    V: PerNeuron = 1.0,
    all_to_all: bool = True,
    linear_features: int | None = None,
    conv2d_channels: int | None = None,
    kernel_size: Any = None,
    threshold: PerNeuron = 1.0,
    spike_grad: Surrogate | None = None,
    *,
    init_hidden: bool = True,
    learn_beta: bool = False,
    learn_threshold: bool = False,
    learn_recurrent: bool = True,
    reset_mechanism: Mechanism = "subtract",
    output: bool = False,
    reset_delay: bool = True,
    step_mode: StepMode = M,
) -> RecurrentSynapse:
    """`snntorch.RLeaky`: `Leaky` that hears its own spikes of the step before, x + recurrent(spk).

    Args:
        beta, threshold, spike_grad, init_hidden, learn_beta, learn_threshold, output, reset_delay, step_mode: as in
            `Leaky`.
        V: weight of each neuron's own spike, with all_to_all=False (default 1).
        all_to_all: True (default): a layer hears all of itself, by linear_features or conv2d_channels and kernel_size.
        linear_features: neurons; the connection is Linear(n, n).
        conv2d_channels, kernel_size: the connection is a Conv2d that keeps the size.
        learn_recurrent: whether the weights train (default True).
        reset_mechanism: "subtract" (default), "zero": mem is 0 in the step after a spike, or "none".

    Returns:
        A RecurrentSynapse, whose `node` is a LateResetNode; mem of each step is `v_seq` of either.  All steps are one
        operation with linear_features; with other connections, constants of each neuron, a threshold that trains or
        reset_delay=False they are run one after the other.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; all_to_all without sizes, or with both kinds.

    Source: as `Leaky`.
    """
    _states_in_the_node(init_hidden, output)
    connection = _connection(V, all_to_all, linear_features, conv2d_channels, kernel_size, learn_recurrent)
    learnt = {"beta": learn_beta, "v_threshold": learn_threshold}
    node = LateResetNode(
        beta, None, threshold, _mechanism(reset_mechanism, "blank"), spike_grad, "s", True, late=reset_delay,
        learn=_learnt(learnt),
    )  # fmt: skip
    return RecurrentSynapse(node, connection, step_mode=step_mode)


def RSynaptic(
    alpha: PerNeuron,
    beta: PerNeuron,
    V: PerNeuron = 1.0,
    all_to_all: bool = True,
    linear_features: int | None = None,
    conv2d_channels: int | None = None,
    kernel_size: Any = None,
    threshold: PerNeuron = 1.0,
    spike_grad: Surrogate | None = None,
    *,
    init_hidden: bool = True,
    learn_alpha: bool = False,
    learn_beta: bool = False,
    learn_threshold: bool = False,
    learn_recurrent: bool = True,
    reset_mechanism: Mechanism = "subtract",
    output: bool = False,
    step_mode: StepMode = M,
) -> RecurrentSynapse:
    """`snntorch.RSynaptic`: `Synaptic` that hears its own spikes of the step before, x + recurrent(spk).

    Args:
        alpha, learn_alpha: as in `Synaptic`.
        beta, V, all_to_all, linear_features, conv2d_channels, kernel_size: as in `RLeaky`.
        threshold, spike_grad, init_hidden, learn_beta, learn_threshold, learn_recurrent: as in `RLeaky`.
        reset_mechanism, output, step_mode: as in `RLeaky`.

    Returns:
        As `RLeaky`.

    Raises:
        TypeError, ValueError: as in `RLeaky`.

    Source: as `Leaky`.
    """
    _states_in_the_node(init_hidden, output)
    if alpha is None:
        raise TypeError("alpha must be a number, not NoneType")
    connection = _connection(V, all_to_all, linear_features, conv2d_channels, kernel_size, learn_recurrent)
    learnt = {"alpha": learn_alpha, "beta": learn_beta, "v_threshold": learn_threshold}
    node = LateResetNode(
        beta, alpha, threshold, _mechanism(reset_mechanism, "blank"), spike_grad, "s", True, learn=_learnt(learnt)
    )
    return RecurrentSynapse(node, connection, step_mode=step_mode)


class RecurrentOneToOne(Module):
    """`snntorch.RecurrentOneToOne`: x V, the connection of layers whose neurons hear themselves alone.

    Args:
        V: a number, or one for each neuron.
        learn: whether it is a Parameter (default True), or a buffer.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """

    def __init__(self, V: PerNeuron = 1.0, learn: bool = True) -> None:
        super().__init__()
        given = np.array(per_neuron("V", V, arguments.real), np.float32)
        self.V = Parameter(from_numpy(given)) if arguments.flag("learn", learn) else Buffer(from_numpy(given))

    def forward(self, x: ArrayLike) -> Tensor:
        """x V, of x's shape."""
        return arguments.tensor("x", x) * self.V


def atan(alpha: float = 2.0) -> ATan:
    """`snntorch.surrogate.atan`: alpha/2 / (1 + (pi/2 alpha x)^2), the default of all its neurons.

    Args:
        alpha: the slope at the threshold is alpha/2 (default 2).

    Raises:
        TypeError, ValueError: alpha is not positive.
    """
    return ATan(alpha)


def fast_sigmoid(slope: float = 25) -> SuperSpike:
    """`snntorch.surrogate.fast_sigmoid`: ``1 / (1 + slope |x|)^2``.

    Args:
        slope: steepness (default 25).

    Raises:
        TypeError, ValueError: slope is not positive.
    """
    return SuperSpike(arguments.positive("slope", slope))


def sigmoid(slope: float = 25) -> Sigmoid:
    """`snntorch.surrogate.sigmoid`: slope exp(-slope x) / (1 + exp(-slope x))^2.

    Args:
        slope: steepness (default 25).

    Raises:
        TypeError, ValueError: slope is not positive.
    """
    return Sigmoid(arguments.positive("slope", slope))


def _states_in_the_node(init_hidden: Any, output: Any) -> None:
    if not arguments.flag("init_hidden", init_hidden):
        raise ValueError(
            "init_hidden must be True: the node has its state, node(x) gives spikes, node.v is the last mem and "
            "node.v_seq that of each step"
        )
    if arguments.flag("output", output):
        raise ValueError("output must be False: node(x) gives spikes; node.v_seq is the mem of each step")


def _mechanism(reset_mechanism: Mechanism, zero: Literal["zero", "blank"] = "zero") -> Reset:
    """Our name of it: most of snnTorch's neurons lose the input of the step after a spike, too."""
    arguments.choice("reset_mechanism", reset_mechanism, get_args(Mechanism))
    return zero if reset_mechanism == "zero" else reset_mechanism


def _kept(reset_delay: Any) -> Literal["before", "after"]:
    """Which potentials snnTorch reports: those after the reset where it comes at once."""
    return "before" if arguments.flag("reset_delay", reset_delay) else "after"


def _learnt(wanted: dict[str, Any]) -> tuple[str, ...]:
    words = {"v_threshold": "threshold", "spike_factor": "graded_spikes_factor"}
    return tuple(name for name, on in wanted.items() if arguments.flag(f"learn_{words.get(name, name)}", on))


def _connection(V: Any, all_to_all: Any, features: Any, channels: Any, kernel_size: Any, learn: Any) -> Module:
    """From spikes to what they add to the next step's input."""
    trains, conv = arguments.flag("learn_recurrent", learn), (channels, kernel_size)
    per_neuron("V", V, arguments.real)  # whether it is used or not
    if not arguments.flag("all_to_all", all_to_all):
        if features is not None or conv != (None, None):
            raise ValueError(
                "all_to_all=False has the weight V; linear_features, conv2d_channels and kernel_size don't go with it"
            )
        return RecurrentOneToOne(V, trains)
    if (features is None) == (conv == (None, None)) or (None in conv and conv != (None, None)):
        raise ValueError("all_to_all=True needs linear_features, or else both conv2d_channels and kernel_size")
    if features is not None:
        n = arguments.size("linear_features", features)
        connection: Module = Linear(n, n)
    else:
        n = arguments.size("conv2d_channels", channels)
        sides = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        half = tuple(arguments.size("kernel_size", side) // 2 for side in sides)
        connection = Conv2d(n, n, kernel_size, padding=half)
    for parameter in connection.parameters():
        parameter.requires_grad = trains
    return connection
