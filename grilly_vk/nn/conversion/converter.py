"""From a trained network of ReLUs to a spiking one."""

from __future__ import annotations

import copy
import math
from typing import Any

from ... import arguments
from ...autograd import no_grad
from ...errors import shown
from ...ops.elementwise import as_tensor, cast
from ...ops.shape import concatenate
from ...settings import fixed, setting
from ...surrogate import Surrogate
from ...tensor import FLOAT32, full
from ..containers import Identity, Sequential
from ..layers.pool import MaxPool2d
from ..module import Module
from .batches import inputs
from .bounds import bounds
from .calibrate import VoltageScaler, parsed, set_thresholds
from .dependence import NotFollowed
from .fold import ChannelAffine, affine_of, fold, folds, replace
from .gate import MaxPoolGate, Places
from .network import ConvertedNetwork
from .node import RateNode
from .rules import NORMS, RECTIFIERS, REMOVED, check, check_model, kind, last_rectifier, mixes
from .running import Running
from .trace import Call, Trace, guessed, trace

_EXAMPLES = 5  # samples of the run that reads the network: no axis but the batch's is likely to be as long by chance


class Converter:
    """Makes a spiking network of a trained one: ``snn = converter(ann)`` or ``converter(ann, calibration_data)``.

    The network may be any Module of Linear, Conv1d, Conv2d, BatchNorm1d, BatchNorm2d, ReLU, ReLU6, Hardtanh(0, max),
    average, sum and max pools, Flatten, Dropout and Identity, whose forwards are affine in between: sums of branches,
    concatenations, reshapes, products with weights.  Each activation becomes a `RateNode`, whose mean over time is near
    the activation; batch norm goes into the layer before it, or stays as an affine map; dropout goes; a max pool
    becomes a `MaxPoolGate`.  Biases are added at every step.  The network itself does not change.

    Weights stay as they are, since spikes are as high as their layer's threshold ("threshold balancing"): so branches
    of different scale can be added.

    Args:
        mode: what of a layer's activations the threshold is: "max_norm" (default), the largest; "robust_norm", the
            99.9th percentile; "p%", the p-th; a number in (0, 1], that share of the largest.
        T: steps of a call of the converted network (default 32); its attribute T, which may be set.
        v_init: potential before the first step, as a share of the threshold (default 0.5, which centres the error).
        surrogate_function: for training the converted network; None: ATan().
        detach_reset: whether gradients stop at the spike in the reset (default False).
        input_range: smallest and largest input, for the bounds without data (default (0, 1)).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Grilly's "Spiking Neural Networks"; Rueckauer et al., "Conversion of continuous-valued deep networks to
    efficient event-driven networks for image classification", Frontiers in Neuroscience 11 (2017), section 2.2; Bu et
    al., ICLR 2022, equations (3) to (6), for the neurons, as `RateNode` writes them out, and spikes as high as the
    threshold; Diehl et al., "Fast-classifying, high-accuracy spiking deep networks through weight and threshold
    balancing", IJCNN 2015, for the bounds without data.
    """

    mode, input_range, node_options = fixed(), fixed(), fixed()
    T = setting(arguments.size)

    def __init__(
        self,
        mode: Any = "max_norm",
        T: int = 32,
        *,
        v_init: float = 0.5,
        surrogate_function: Surrogate | None = None,
        detach_reset: bool = False,
        input_range: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        parsed(mode)
        self.mode = mode
        self.T = T
        self.node_options = {
            "v_init": arguments.real("v_init", v_init),
            "surrogate_function": surrogate_function,
            "detach_reset": detach_reset,
        }
        RateNode(**self.node_options)  # its checks
        if not isinstance(input_range, (tuple, list)) or len(input_range) != 2:
            raise TypeError(f"input_range must be a pair (smallest, largest), got {shown(input_range)}")
        low, high = (arguments.real("input_range", end) for end in input_range)
        if low > high:
            raise ValueError(f"input_range must be (smallest, largest), got {shown(input_range)}")
        self.input_range = low, high

    def __call__(self, ann: Module, calibration_data: Any = None, *, example: Any = None) -> ConvertedNetwork:
        """The spiking network.

        The forward of a copy runs once on a few samples, to see what it calls.

        Args:
            ann: the network, in evaluation mode.
            calibration_data: inputs, as `VoltageScaler.scale_thresholds` takes them; None: thresholds are the largest
                activations that the weights allow for inputs in `input_range`, which is high: few spikes, slow.
            example: an input (B, ...) to read the network with where there is no calibration_data; None: zeros of a
                shape that its first layer suggests.

        Returns:
            A ConvertedNetwork in evaluation mode.

        Raises:
            ValueError: a layer or operation that can't become spikes (the message names it and says what to do); no
                activation; training mode; a converted network; data that is empty or does not fit.
            TypeError: no Module, or data of the wrong type.
        """
        check_model(ann)
        if calibration_data is not None:
            calibration_data = list(inputs("calibration_data", calibration_data, None))
            example = calibration_data[0] if example is None else example
        net = copy.deepcopy(ann)
        found = _read(net, example)
        check(found)
        largest = None if calibration_data is not None else bounds(found, *self.input_range)
        with no_grad():
            snn, places = self._converted(net, found)
            if largest is None:
                VoltageScaler(snn).scale_thresholds(calibration_data)
            else:
                what, number = parsed(self.mode)
                share = number if what == "share" else 1.0
                names = {id(node): name for name, node in snn.nodes().items()}
                levels = {names[id(places[call])]: level * share for call, level in largest.items()}
                set_thresholds(snn, {name: level for name, level in levels.items() if level > 0})
        return snn

    def _converted(self, net: Module, found: Trace) -> tuple[ConvertedNetwork, dict[int, RateNode]]:
        """The network with spiking parts, and its nodes by id() of the call that each stands for."""
        running = Running()
        first = {id(step.call): not any(getattr(s, "spiking", False) for s in step.inputs) for step in found.steps}
        last = last_rectifier(found)
        places: dict[int, RateNode] = {}
        gone = set()
        for layer, norm in folds(found):
            fold(layer, norm)
            replacement = Identity()
            net = replace(net, norm, replacement)
            gone.add(norm)
            for call in found.calls_of(norm):
                call.module = replacement
        for module in list(dict.fromkeys(call.module for call in found.calls)):
            calls = found.calls_of(module)
            if kind(module, RECTIFIERS):
                nodes = [self._node(module, first[id(call)], call is last, running) for call in calls]
                places.update(zip(map(id, calls), nodes))
                net = replace(net, module, _one_or_places(nodes, running))
            elif isinstance(module, MaxPool2d) and kind(module, (MaxPool2d,)):
                gates = [MaxPoolGate(module) for _ in calls]
                for gate, call in zip(gates, calls):
                    gate.first, gate.running = first[id(call)], running
                net = replace(net, module, _one_or_places(gates, running))
            elif kind(module, NORMS) and module not in gone:
                net = replace(net, module, ChannelAffine(*(v.astype("float32") for v in affine_of(module))))
            elif kind(module, REMOVED):
                _remove(net, module, calls)
        shape = tuple(found.shape[1:])
        widest = max(math.prod(step.shape[1:]) for step in found.steps)
        snn = ConvertedNetwork(net, running, self.T, self.mode, shape, mixes(found), max(widest, math.prod(shape)))
        return snn.eval(), places

    def _node(self, module: Any, first: bool, last: bool, running: Running) -> RateNode:
        node = RateNode(cap=getattr(module, "max_val", None), **self.node_options)
        node.first, node.last, node.running = first, last, running
        return node


def _one_or_places(parts: list[Any], running: Running) -> Module:
    if len(parts) == 1:
        one: Module = parts[0]
        return one
    out = Places(parts)
    out.running = running
    return out


def _remove(net: Module, module: Module, calls: list[Call]) -> None:
    """Takes a layer that does nothing out of the Sequentials that alone call it."""
    parents = [call.parent.module if call.parent else None for call in calls]
    for parent in dict.fromkeys(parents):
        if type(parent) is Sequential and all(p is parent for p in parents):
            for i in reversed(range(len(parent))):
                if parent[i] is module:
                    del parent[i]


def _read(net: Module, example: Any) -> Trace:
    """What the forward does, on an example that is given or guessed.

    Raises:
        ValueError: it can't be run on the example, or on anything that was guessed.
    """
    if example is not None:
        x = as_tensor("example", example)
        if x.ndim < 2 or 0 in x.shape:
            raise ValueError(f"example has shape {x.shape}; expected (B, ...) with at least one sample")
        x = (x if x.dtype is FLOAT32 else cast(x, FLOAT32)).detach()[:_EXAMPLES]
        while x.shape[0] < _EXAMPLES:
            x = concatenate([x, x], 0)[:_EXAMPLES]
        try:
            return trace(net, x)
        except NotFollowed as error:
            raise ValueError(f"ann can't be converted: {error}") from None
        except ValueError as error:
            raise ValueError(f"ann does not run on an input of shape {x.shape}: {error}") from error
    last: Exception | None = None
    for shape in guessed(net):
        try:
            return trace(net, full(shape, 0.0))
        except NotFollowed as error:
            raise ValueError(f"ann can't be converted: {error}") from None
        except (ValueError, TypeError, IndexError) as error:
            last = error
    raise ValueError(
        "no input that ann runs on could be guessed from its first layer; give calibration_data, or example=(an input)"
    ) from last
