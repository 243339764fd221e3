"""How other frameworks name and lay out what a layer holds.

An entry says of which of their names one of ours is made, and the way back.  `entries_of` gives those of one module;
names are relative to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..nn.containers import Sequential
from ..nn.layers.attention import MultiheadAttention
from ..nn.layers.linear import Linear
from ..nn.module import Module
from ..nn.recurrent.recurrent_layers import GRU, LSTM, RNN
from ..nn.spiking.late_reset import LateResetNode
from ..nn.spiking.neu_norm import NeuNorm
from ..nn.spiking.node_models import CUBALIFNode
from ..nn.spiking.nodes import IFNode, LIFNode, ParametricLIFNode, SpikingNode
from ..nn.spiking.spiking_attention import QKAttention, SpikingSelfAttention
from ..nn.spiking.squeeze_attention import MultiDimensionalAttention, TemporalWiseAttention
from ..nn.spiking.through_time import BatchNormThroughTime1d, BatchNormThroughTime2d
from ..nn.synapses.recurrent_synapse import RecurrentSynapse
from ..nn.synapses.synapses import SynapseFilter

LIBRARIES = ("torch", "spikingjelly", "snntorch", "norse")
_RESETS = ("subtract", "zero", "none")  # in the order of snnTorch's numbers


class Disagreement(ValueError):
    """What a state says of a layer is not what the layer does."""


class Entry(NamedTuple):
    """One parameter, buffer or setting of ours, or a check, and what another framework has for it.

    Attributes:
        library: whose names these are.
        own: the name here, of a parameter, a buffer or a setting; for what is only compared "", or the part that it is
            of with a dot.
        theirs: the names there.
        read: from their arrays to ours; raises Disagreement where that can't be.
        write: from ours to their arrays, in the order of `theirs`; None: not written.
    """

    library: str
    own: str
    theirs: tuple[str, ...]
    read: Callable[..., Any]
    write: Callable[[Any], tuple[Any, ...]] | None

    @property
    def compared(self) -> bool:
        """Whether nothing is loaded."""
        return self.own == "" or self.own[-1] == "."


def _same(library: str, own: str, theirs: str) -> Entry:
    return Entry(library, own, (theirs,), lambda array: array, lambda array: (array,))


def _moved(library: str, own: str, theirs: str, axes: int) -> Entry:
    """A matrix here, which has so many axes of length 1 more there, or none."""
    return Entry(
        library, own, (theirs,), lambda a: a.reshape(a.shape[:2]) if a.ndim > 2 and a.shape[2:] == (1,) * axes else a,
        lambda a: (a.reshape(*a.shape, *(1,) * axes),),
    )  # fmt: skip


def entries_of(module: Module) -> Iterator[Entry]:
    """Entries of one module."""
    if isinstance(module, LateResetNode):
        yield from _late_reset(module)
    elif isinstance(module, SpikingNode):
        yield from _of_node(module)
    elif isinstance(module, RecurrentSynapse):
        yield from _recurrent(module)
    elif isinstance(module, Sequential):
        yield from _of_norse(module)
    elif isinstance(module, (BatchNormThroughTime1d, BatchNormThroughTime2d)):
        yield from _through_time(module)
    elif isinstance(module, NeuNorm):
        channels = module.in_channels  # SpikingJelly's mean is smaller by this
        yield Entry("spikingjelly", "weight", ("w",), lambda w: w / channels, lambda w: (w * channels,))
    elif isinstance(module, (TemporalWiseAttention, MultiDimensionalAttention)):
        yield from _squeezing(module)
    elif isinstance(module, (SpikingSelfAttention, QKAttention)):
        yield from _self_attention(module)
    elif isinstance(module, MultiheadAttention):
        names = tuple(f"{part}_proj_weight" for part in "qkv")
        yield Entry("torch", "in_proj_weight", names, lambda *parts: np.concatenate(parts), None)
    elif isinstance(module, (LSTM, GRU, RNN)):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):  # of PyTorch's cells
            yield Entry("torch", f"{name}_l0", (name,), lambda array: array, None)


# ---- snnTorch's neurons ----


def _late_reset(node: LateResetNode) -> Iterator[Entry]:
    lapicque, gain = ("time_step", "R", "C"), node.gain
    if gain == 1.0:
        yield Entry("snntorch", "beta", lapicque, _left_of_lapicque, None)
        yield _same("snntorch", "beta", "beta")
    else:  # Lapicque's beta is another number
        yield Entry("snntorch", "beta", lapicque, _left_of_lapicque, lambda left: _circuit(left, gain))
        yield Entry("snntorch", "beta", ("beta",), lambda beta: beta, lambda left: (np.exp(left - 1.0),))
    yield Entry("snntorch", "gain", lapicque, lambda step, ohm, farad: step / farad, None)
    if node.alpha is not None:
        yield _same("snntorch", "alpha", "alpha")
    yield _same("snntorch", "v_threshold", "threshold")
    yield _same("snntorch", "spike_factor", "graded_spikes_factor")
    mechanism = "zero" if node.reset_mechanism == "blank" else node.reset_mechanism
    yield _resets(mechanism)


def _left_of_lapicque(step: Any, ohm: Any, farad: Any) -> Any:
    return 1.0 - step / (ohm * farad)


def _circuit(left: Any, gain: float) -> tuple[Any, ...]:
    """Time step, resistance and capacitance of 1 - 1 / (R C) and of 1 / C."""
    farad = np.float32(1.0 / gain)
    return np.float32(1.0), np.asarray(1.0 / ((1.0 - left) * farad), np.float32), farad


def _beside(node: SpikingNode) -> str | None:
    """What a node does that no neuron of snnTorch's does."""
    if np.any(node.refractory):
        return "refractory must be 0"
    rest = getattr(node, "v_rest", None)
    return "v_rest must be None or 0" if rest is not None and np.any(rest) else None


def _resets(mechanism: str | None, beside: str | None = None) -> Entry:
    """A check of which reset a neuron has; None: one that snnTorch has not; and of what it does beside."""

    def read(number: Any) -> None:
        if beside is not None:
            raise Disagreement(f"snnTorch's neurons have no such thing: {beside}")
        code = int(np.ravel(number)[0])
        wanted = _RESETS[code] if 0 <= code < 3 else f"number {code}"
        if wanted != mechanism:
            raise Disagreement(f"the state's reset_mechanism is {wanted!r}, here it is {mechanism!r}")

    def write(_: Any) -> tuple[Any, ...]:
        if beside is not None:
            raise Disagreement(f"snnTorch's neurons have no such thing: {beside}")
        if mechanism is None:
            raise Disagreement("snnTorch has no such reset; v_reset can be None or 0")
        return (np.array(_RESETS.index(mechanism), np.int64),)

    return Entry("snntorch", "", ("reset_mechanism_val",), read, write)


def _of_node(node: SpikingNode) -> Iterator[Entry]:
    """A node of SpikingJelly's kind for snnTorch's Leaky or Synaptic: decay factors are 1 - 1 / tau there."""
    if not isinstance(node, (IFNode, LIFNode, ParametricLIFNode)):
        return
    reset = "subtract" if node.v_reset is None else "zero" if np.all(np.equal(node.v_reset, 0.0)) else None
    yield _same("snntorch", "v_threshold", "threshold")
    yield Entry("snntorch", "", ("graded_spikes_factor",), _one, lambda _: (np.array(1.0, np.float32),))
    yield _resets(reset, _beside(node))
    divides = getattr(node, "decay_input", False)

    def left(beta: Any) -> Any:
        if divides:
            raise Disagreement("snnTorch's leak does not divide the input; make the node with decay_input=False")
        share = np.asarray(beta, np.float64)
        if not ((share >= 0.0) & (share < 1.0)).all():
            raise Disagreement("beta and alpha must lie in [0, 1) for a time constant; IFNode is beta = 1")
        return share

    def kept(tau: Any) -> tuple[Any, ...]:
        if divides:
            raise Disagreement("snnTorch's leak does not divide the input, that of a node with decay_input=True does")
        return (np.asarray(1.0 - 1.0 / np.asarray(tau, np.float64), np.float32),)

    if isinstance(node, ParametricLIFNode):
        yield Entry(
            "snntorch", "w", ("beta",), lambda beta: _logit(1.0 - left(beta)),
            lambda w: kept(1.0 + np.exp(-np.asarray(w, np.float64))),
        )  # fmt: skip
    elif isinstance(node, LIFNode):
        yield Entry("snntorch", "tau", ("beta",), lambda beta: 1.0 / (1.0 - left(beta)), kept)
        if isinstance(node, CUBALIFNode):
            yield Entry("snntorch", "tau_syn", ("alpha",), lambda alpha: 1.0 / (1.0 - left(alpha)), kept)
    else:
        yield Entry("snntorch", "", ("beta",), _one, lambda _: (np.array(1.0, np.float32),))


def _logit(share: Any) -> Any:
    with np.errstate(divide="ignore"):
        out = np.log(share) - np.log1p(-share)
    if not np.isfinite(out).all():
        raise Disagreement("beta must lie above 0 and below 1 for a time constant that trains")
    return out


def _one(number: Any) -> None:
    if not np.all(np.equal(number, 1.0)):
        raise Disagreement(f"the state has {np.ravel(number)[0]:g} here; this layer can do 1 alone")


def _recurrent(module: RecurrentSynapse) -> Iterator[Entry]:
    """snnTorch's RLeaky and RSynaptic are the neuron itself, with their weights in `recurrent`."""
    for name in ("weight", "bias"):
        yield _same("snntorch", f"connection.{name}", f"recurrent.{name}")
    for entry in entries_of(module.node):
        yield entry._replace(own=f"sub_module.{entry.own}")


# ---- Norse's layers ----


def _of_norse(module: Sequential) -> Iterator[Entry]:
    """What `nn.dialects.norse` makes of its layers with weights: a Linear, currents, and the neurons."""
    parts = list(module)
    if not (parts and isinstance(parts[0], Linear) and parts[0].bias is None):
        return
    if len(parts) < 2 or not isinstance(parts[1], SynapseFilter):
        return
    yield _same("norse", "0.weight", "input_weights")
    for i, part in enumerate(parts):
        if isinstance(part, RecurrentSynapse):
            yield _same("norse", f"{i}.connection.weight", "recurrent_weights")


# ---- SpikingJelly's layers ----


def _through_time(module: Any) -> Iterator[Entry]:
    """One batch norm per step there, one row per step here."""
    steps = module.T
    for name in ("weight", "running_mean", "running_var", "num_batches_tracked"):
        if steps is not None:
            theirs = tuple(f"bn_list.{t}.{name}" for t in range(steps))
            yield Entry("spikingjelly", name, theirs, lambda *rows: np.stack(rows), tuple)


def _squeezing(module: Module) -> Iterator[Entry]:
    for own, theirs, axes in (("scores", "", 0), ("time", "ta.", 3), ("channels", "ca.", 3)):
        if getattr(module, own, None) is None:
            continue
        for part, place in (("down", 0), ("up", 2)):
            name = f"{theirs}sharedMLP.{place}.weight"
            yield _moved("spikingjelly", f"{own}.{part}.weight", name, axes)
    if getattr(module, "places", None) is not None:
        yield _same("spikingjelly", "places.weight", "sa.conv.weight")


def _self_attention(module: Any) -> Iterator[Entry]:
    first = "qkv" if isinstance(module, SpikingSelfAttention) else "qk"
    for own, theirs in (("inputs", f"{first}_conv_bn"), ("output", "proj_conv_bn")):
        for middle in ("", "module."):  # inside of a container or not
            yield _moved("spikingjelly", f"{own}.linear.weight", f"{theirs}.{middle}0.weight", 1)
            for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                yield _same("spikingjelly", f"{own}.norm.{name}", f"{theirs}.{middle}1.{name}")


def scalar(value: Any) -> Any:
    """A setting as nodes take it: a number, or an array of several."""
    array = np.asarray(value)
    if array.size == 1:
        number = float(array.reshape(()))
        return number if math.isfinite(number) else array.reshape(-1)[0]
    return np.asarray(array, np.float32)
