"""The table of families, and what is said of a class of the wrong one."""

# ruff: noqa: E501

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import families, nn, optim, surrogate
from grilly_vk.nn import traced
from grilly_vk.nn.flat.base import FlatLayer

X = np.ones((3, 2, 4), np.float32)


def trace_neuron():
    return traced.LIFNeuron((2, 4), 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5)


def foreign(path, **members):
    """An object of a class as another library has it; the real ones are not part of the tests' environment."""
    module, _, name = path.rpartition(".")
    base = type("Module", (), {"__module__": "torch.nn.modules.module", "named_parameters": lambda self: []})
    bases = () if "optim" in module or name in ("Tensor", "Parameter") else (base,)
    return type(
        name, bases, {"__module__": module, "parameters": lambda self: [], "modules": lambda self: [], **members}
    )()


LINEAR = foreign("torch.nn.modules.linear.Linear")
WEIGHT = foreign("torch.nn.parameter.Parameter", requires_grad=True, __array__=lambda self, *a, **k: np.ones(3))
RECORDED = foreign("torch.Tensor", requires_grad=True, __array__=lambda self, *a, **k: np.ones(3, np.float32))


class Mine(nn.LIFNeuron):
    """A subclass of your own is of its base's family."""


class Holder(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.part = value


def test_the_table_names_what_there_is():
    for row in families.COUNTERPARTS:
        for key, name in row.items():
            owner = surrogate if key == "surrogate" else nn
            value = owner
            for part in name.partition("(")[0].split("."):
                value = getattr(value, part)
            assert families.family(value) == (None if key == "layer" else key), name
            if key in families.ARGUMENTS and "node" in row:
                known = set()
                for base in value.__mro__[:-1]:
                    known |= set(inspect.signature(base.__init__).parameters)
                assert known & set(families.ARGUMENTS[key]), name
    for known in families.FAMILIES.values():
        for path in known.bases:
            module, _, name = path.rpartition(".")
            kind = getattr(__import__(f"grilly_vk.{module}", fromlist=[name]), name)
            assert families.FAMILIES[families.family(kind)] is known
    for name in families.FOREIGN.values():
        assert hasattr({"nn": nn, "optim": optim}[name.partition(".")[0]], name.partition(".")[2])


def test_every_public_class_has_its_family():
    wanted = {"node": nn.SpikingNode, "core": nn.Core, "flat": FlatLayer, "surrogate": surrogate.Surrogate}
    for space in (nn, traced, grilly_vk, optim):
        for name in space.__all__:
            kind = getattr(space, name)
            for key, base in wanted.items():
                if isinstance(kind, type) and issubclass(kind, base):
                    assert families.family(kind) == key, name
    assert families.family(nn.Linear(2, 2)) is None and families.family(Mine) == "flat"
    todo = [nn.Module]
    for kind in todo:  # what spikes is a node, or a trace neuron
        todo += kind.__subclasses__()
        if kind.__module__.startswith("grilly_vk.") and getattr(kind, "is_spiking", False) is True:
            assert families.family(kind) in ("node", "trace"), kind


FLAT = "LIFNeuron, a flat layer, which returns numpy arrays, off the tape; use nn.LIFNode"
CORE = "LIF, a recurrent core, called as out, state = core(x, state); use nn.LIFNode"
TRACE = "traced.LIFNeuron, a trace layer of nn.traced, which gives (spikes, trace); use nn.LIFNode"
TORCH = "torch.nn.Linear, of PyTorch; use nn.Linear"
WRONG = {
    # a flat layer, a core, a trace neuron where a node is wanted
    lambda: nn.RecurrentSynapse(
        nn.LIFNeuron(4), nn.Linear(4, 4)
    ): f"node must be called once a step as y = node(x), not {FLAT}",
    lambda: nn.RecurrentSynapse(
        Mine(4), nn.Linear(4, 4)
    ): "not Mine, a flat layer, which returns numpy arrays, off the tape; use nn.LIFNode",
    lambda: nn.RecurrentSynapse(
        nn.LIF(4), nn.Linear(4, 4)
    ): f"node must be called once a step as y = node(x), not {CORE}",
    lambda: nn.RecurrentSynapse(trace_neuron(), nn.Linear(4, 4)): f"not {TRACE}",
    lambda: nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(4, 4), nn.LIFNeuron(4)): "dynamics must be called once a step",
    lambda: nn.ElementWiseRecurrentContainer(
        nn.LIF(4), lambda x, y: x
    ): f"sub_module must be called once a step as y = node(x), not {CORE}",
    lambda: nn.SeqToANNContainer(nn.LIFNeuron(4)): f"must be a layer without a state, not {FLAT}",
    lambda: nn.SeqToANNContainer(
        nn.Linear(4, 4), nn.LIF(4)
    ): "1 must be a layer without a state, not LIF, a recurrent core",
    lambda: nn.Sequential(
        nn.Linear(4, 4), trace_neuron()
    ): f"modules[1] must be a layer that gives one Tensor, not {TRACE}",
    lambda: nn.Sequential().append(
        traced.Linear(4, 2, 2, 1.0)
    ): "must be a layer that gives one Tensor, not traced.Linear",
    lambda: nn.SpikingLinear(
        4, 4, spiking_neuron=lambda: nn.LIF(4)
    ): "what spiking_neuron makes must be a spiking node, not LIF",
    lambda: nn.Sequential(nn.Linear(4, 4), nn.LIF(4))(
        X[0]
    ): "V is missing: LIF is a recurrent core, out, V = core(x, V)",
    lambda: nn.RLIF(4)(X[0]): "keeps its state itself: nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(n, n))",
    lambda: nn.Sequential(grilly_vk.SNNCompute(8)): "not SNNCompute, a whole pipeline, called as process(embedding)",
    # a node where a core is wanted
    lambda: F.unroll(
        nn.LIFNode(), X
    ): "core must be a recurrent core, not LIFNode, a spiking node, which keeps its state itself; use nn.LIF, or F.multi_step_forward",
    lambda: F.unroll(nn.AdaptiveLIFNode(), X, X[0]): "; use nn.ALIF, or F.multi_step_forward(node, xs, T)",
    lambda: nn.Sequential(nn.dialects.snntorch.Leaky): "not the function Leaky itself; give Leaky(...)",
    lambda: nn.LIFNode(surrogate_function=nn.dialects.snntorch.atan): "the function atan itself; give atan(...)",
    lambda: F.unroll(nn.LateResetNode(0.9), X): "keeps its state itself; use F.multi_step_forward(node, xs, T)",
    lambda: F.unroll(
        nn.LIFNeuron(4), X
    ): "not LIFNeuron, a flat layer, which returns numpy arrays, off the tape; use nn.LIF",
    lambda: F.unroll(nn.LIF, X): "core must be a recurrent core, not the class LIF itself; give LIF(...)",
    lambda: nn.RecurrentSNN(
        [4, 4, 2], nn.LIFNode
    ): "must make a core, as nn.LIF does, not be the class LIFNode itself; use nn.LIF",
    lambda: nn.RecurrentSNN([4, 4, 2], nn.LIF(4)): "must make a core, as nn.LIF does, not be LIF, a recurrent core",
    # a class, or a part that is made, in place of the other
    lambda: nn.Sequential(nn.LIFNode): "modules[0] must be a Module, not the class LIFNode itself; give LIFNode(...)",
    lambda: F.reset_net(nn.LIFNode): "model must be a Module, not the class LIFNode itself; give LIFNode(...)",
    lambda: nn.Converter()(nn.Linear): "ann must be a Module, not the class Linear itself",
    lambda: nn.SpikingLinear(
        4, 4, spiking_neuron=nn.LIFNode()
    ): "spiking_neuron must make a part, as nn.LIFNode or a function does, not be LIFNode, a spiking node",
    lambda: nn.LIFNode(surrogate_function=nn.ATan): "not the class ATan itself; give ATan(...)",
    lambda: optim.SGD(
        nn.Linear(2, 2), lr=0.1
    ): "params must be an iterable of tensors or dicts, not Linear; use model.parameters()",
    lambda: optim.SGD(nn.Sequential(nn.Linear(2, 2)), lr=0.1): "not Sequential; use model.parameters()",
    # another library's
    lambda: nn.Sequential(LINEAR): f"modules[0] must be a Module, not {TORCH}",
    lambda: nn.ModuleList([LINEAR]): f"modules[0] must be a Module, not {TORCH}",
    lambda: nn.ModuleDict({"a": LINEAR}): f"modules['a'] must be a Module, not {TORCH}",
    lambda: nn.Module().add_module("a", LINEAR): f"module must be a Module or None, not {TORCH}",
    lambda: nn.Converter()(
        foreign("torch.nn.modules.container.Sequential")
    ): "ann must be a Module, not torch.nn.Sequential, of PyTorch; use nn.Sequential",
    lambda: Holder(
        LINEAR
    ): "part of Holder can't be torch.nn.Linear, of PyTorch, which would not be trained here; use nn.Linear",
    lambda: Holder(
        WEIGHT
    ): "part of Holder can't be torch.nn.Parameter, of PyTorch, which would not be trained here; use nn.Parameter",
    lambda: nn.Module().register_parameter(
        "w", WEIGHT
    ): "param must be a Parameter or None, not torch.nn.Parameter, of PyTorch",
    lambda: nn.Parameter(
        WEIGHT
    ): "data is torch.nn.Parameter, of PyTorch, on its tape, which ends here; give data.detach()",
    lambda: F.mse_loss(
        RECORDED, np.ones(3)
    ): "x is torch.Tensor, of PyTorch, on its tape, which ends here; give x.detach()",
    lambda: nn.Sequential(nn.Linear(4, 4))(RECORDED): "x is torch.Tensor, of PyTorch, on its tape",
    lambda: optim.SGD(
        [WEIGHT], lr=0.1
    ): "params must hold tensors; number 0 is torch.nn.Parameter, of PyTorch; use nn.Parameter",
    lambda: optim.SGD(
        LINEAR, lr=0.1
    ): "params must be an iterable of tensors or dicts, not torch.nn.Linear, of PyTorch",
    lambda: nn.utils.clip_grad_norm_(
        [WEIGHT], 1.0
    ): "parameters must hold tensors; number 0 is torch.nn.Parameter, of PyTorch",
    lambda: optim.lr_scheduler.StepLR(
        foreign("torch.optim.sgd.SGD"), 3
    ): "optimizer must be an Optimizer, not torch.optim.SGD, of PyTorch; use optim.SGD",
    lambda: optim.lr_scheduler.ReduceLROnPlateau(
        foreign("torch.optim.adam.Adam")
    ): "not torch.optim.Adam, of PyTorch; use optim.Adam",
    lambda: nn.Sequential(
        foreign("torch.nn.modules.loss.CrossEntropyLoss")
    ): "not torch.nn.CrossEntropyLoss, of PyTorch; use nn.CrossEntropyLoss",
    lambda: nn.Sequential(
        foreign("torch.nn.modules.activation.Sigmoid")
    ): "not torch.nn.Sigmoid, of PyTorch; use nn.SigmoidLayer",
    lambda: nn.Sequential(foreign("mine.Linear")): "not Linear, of PyTorch; use nn.Module",
    lambda: F.reset_net(LINEAR): f"model must be a Module, not {TORCH}",
    lambda: F.set_step_mode(LINEAR, "m"): f"model must be a Module, not {TORCH}",
    lambda: F.multi_step_forward(LINEAR, X, 3): f"model must be a Module, not {TORCH}",
    lambda: F.unroll(LINEAR, X): f"core must be a recurrent core, not {TORCH}",
    lambda: nn.summary(LINEAR, (4,)): f"model must be a Module, not {TORCH}",
    lambda: nn.RecurrentSynapse(LINEAR, LINEAR): f"node must be a Module, not {TORCH}",
    lambda: grilly_vk.monitor.SpikeMonitor(
        LINEAR
    ): f"model must be a Module, or several in a list or dict, not {TORCH}",
    lambda: nn.init.zeros_(WEIGHT): "tensor must be a Tensor, not torch.nn.Parameter, of PyTorch",
    lambda: nn.Sequential(
        foreign("spikingjelly.activation_based.neuron.LIFNode")
    ): "not spikingjelly.LIFNode, of SpikingJelly; use nn.dialects.spikingjelly.LIFNode",
    lambda: nn.Sequential(foreign("norse.torch.module.lif.LIFCell")): "not norse.LIFCell, of Norse; use nn.",
    # arguments of another family
    lambda: nn.LIFNode(beta=0.9): "LIFNode has no argument 'beta'; it takes tau, decay_input,",
    lambda: nn.LIFNode(hidden_shape=(4,)): "; hidden_shape is for nn.LIF, a recurrent core",
    lambda: nn.LIFNode(n_neurons=4): "; n_neurons is for nn.LIFNeuron, a flat layer",
    lambda: nn.LIFNode(cells_shape=(1, 4)): "; cells_shape is for nn.traced.LIFNeuron, a trace layer of nn.traced",
    lambda: nn.LIF(4, tau=2.0): "; tau is for nn.LIFNode, a spiking node",
    lambda: nn.LIFNeuron(v_threshold=1.0): "; v_threshold is for nn.LIFNode, a spiking node",
    lambda: traced.LIFNeuron(n_neurons=4): "; n_neurons is for nn.LIFNeuron, a flat layer",
    lambda: nn.ALIF(): "; ALIF is a recurrent core, nn.AdaptiveLIFNode a spiking node",
    lambda: nn.RLIF(): "RLIF was not given hidden_shape; it takes hidden_shape, beta, threshold, activation, name",
    lambda: nn.LIFNode(tua=2.0): "LIFNode has no argument 'tua' (did you mean tau?)",
}


@pytest.mark.parametrize("i", range(len(WRONG)))
def test_the_wrong_family(i):
    call, text = list(WRONG.items())[i]
    with pytest.raises(TypeError, match=re.escape(text)) as error:
        call()
    assert len(str(error.value)) < 300 and "\n" not in str(error.value)


def test_an_attribute_that_is_refused_changes_nothing():
    holder = Holder(nn.Linear(2, 2))
    with pytest.raises(TypeError, match="'part' must be a Module or None here"):
        holder.part = LINEAR
    with pytest.raises(TypeError, match="other of Holder can't be"):
        holder.other = LINEAR
    assert isinstance(holder.part, nn.Linear) and not hasattr(holder, "other")
    holder.kept = [LINEAR]  # in a list it is the user's own affair
    holder.kind = nn.LIFNode  # and so is a class
    holder.data = foreign("torch.Tensor", requires_grad=False)
    assert len(list(holder.modules())) == 2


def test_a_tensor_that_is_on_no_tape_is_taken():
    given = foreign("torch.Tensor", requires_grad=False, __array__=lambda self, *a, **k: X)
    assert np.array_equal(grilly_vk.tensor(given), X)


def test_what_is_of_two_libraries_is_ours():
    both = type("Both", (nn.ReLU, type(LINEAR)), {})()
    assert families.library(type(both)) is None and Holder(both).part is both


@pytest.mark.parametrize("part", [lambda: nn.LIFNeuron(4), lambda: nn.LIF(4)], ids=["flat", "core"])
def test_what_a_conversion_can_not_take(part):
    part = part()
    with pytest.raises(ValueError, match=rf"ann holds {type(part).__name__} \('1'\), a .*; networks of nn.ReLU"):
        nn.Converter()(nn.Sequential(nn.Linear(4, 4), part).eval())


def test_an_argument_of_its_own_family_is_of_no_other():
    with pytest.raises(TypeError) as error:
        nn.LIFNode(init_tau=2.0)
    assert "is for" not in str(error.value)


def test_lists_hold_what_chains_refuse():
    neuron = trace_neuron()
    assert list(nn.ModuleList([neuron])) == [neuron] and Holder(neuron).part is neuron

    class Pairs(nn.Sequential):
        def forward(self, x):
            return next(iter(self))(x)

    spikes, trace = Pairs(neuron)(np.ones((2, 4), np.float32))
    assert spikes.shape == trace.shape == (2, 4)


def test_what_a_flat_layer_says_of_training():
    with pytest.warns(
        RuntimeWarning, match="LIFNeuron, a flat layer, returns numpy arrays.* spiking nodes: nn.LIFNode"
    ):
        nn.Sequential(nn.Linear(4, 4), nn.LIFNeuron(4))(X[0])


def test_pytorchs_functions_on_our_tensors():
    """PyTorch calls this with its own function, where it would fail anyway."""

    def named(name):
        function = lambda: None  # noqa: E731
        function.__name__ = name
        return function

    x = grilly_vk.tensor(X)
    for name, text in (
        (
            "mse_loss",
            "mse_loss of PyTorch was given a Tensor of grilly_vk; use F.mse_loss here, or give it torch.as_tensor",
        ),
        ("stack", "use grilly_vk.stack here"),
        ("svd_lowrank", "svd_lowrank of PyTorch was given a Tensor of grilly_vk; give it torch.as_tensor(x)"),
    ):
        with pytest.raises(TypeError, match=re.escape(text)):
            type(x).__torch_function__(named(name), (type(x),), (x,), {})


# ---- the page ----

PAGE = Path(__file__).parent.parent / "docs" / "families.md"
MEMBERS = {
    "node": nn.LIFNode,
    "core": lambda: nn.LIF(4),
    "trace neuron": trace_neuron,
    "flat layer": lambda: nn.LIFNeuron(4),
}
PLACES = {
    "nn.Sequential, one step": lambda member: nn.Sequential(member())(X[0]),
    "nn.MultiStepContainer, all steps": lambda member: nn.MultiStepContainer(member())(X),
    "nn.RecurrentSynapse": lambda member: nn.RecurrentSynapse(member(), nn.Linear(4, 4))(X[0]),
    "F.unroll": lambda member: F.unroll(member(), X),
    "traced.Network": lambda member: traced.Network(
        traced.Input((2, 3), 1.0, 1.0, 0.9), (traced.Linear(3, 4, 2, 1.0), member())
    )(np.ones((2, 3), np.float32)),
}


def rows_of(title):
    text = PAGE.read_text(encoding="utf-8")
    lines = text[text.index(f"| {title} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]


def gradient(member):
    x = grilly_vk.tensor(X, requires_grad=True)
    out = nn.MultiStepContainer(member())(x)
    out.sum().backward()
    assert x.grad.numpy().any()


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not part of an installed package")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of flat layers, when one is trained
def test_the_page_says_who_fits_where():
    (_, *members), *rows = rows_of("goes into")
    places = {**PLACES, "gradients reach what comes before": gradient}
    assert members == list(MEMBERS) and [row[0] for row in rows] == list(places)
    for place, *cells in rows:
        for member, fits in zip(members, cells):
            call = lambda: places[place](MEMBERS[member])  # noqa: B023, E731
            if fits == "no":
                with pytest.raises((TypeError, AttributeError)):
                    call()
            else:
                out = call()
                kind = {"pairs": tuple, "off the tape": np.ndarray}.get(fits)
                assert kind is None or isinstance(out, kind), (place, member)


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not part of an installed package")
def test_the_page_names_counterparts():
    (_, *columns), *rows = rows_of("neuron")
    keys = {"node": "node", "core": "core", "trace neuron": "trace", "flat layer": "flat"}
    listed = [{keys[c]: name for c, name in zip(columns, row[1:]) if name} for row in rows]
    assert listed == [row for row in families.COUNTERPARTS if "node" in row]
