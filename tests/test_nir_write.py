"""Our modules written as NIR: read again they spike alike, and float64 says that the graph means what they do."""

import nir_float64 as reference
import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nir import from_nir, load, save, to_nir

nir = pytest.importorskip("nir")
DT = 3e-4  # of which float32 holds no multiple exactly
N = 5


def some(low, high):
    return np.random.default_rng(4).uniform(low, high, N).astype(np.float32)


NODES = {
    "IFNode": lambda: nn.IFNode(0.8, 0.1),
    "IFNode, soft": lambda: nn.IFNode(0.8, None),
    "LIFNode": lambda: nn.LIFNode(3.0, v_threshold=0.4),
    "LIFNode, input as it is, soft": lambda: nn.LIFNode(3.0, False, 0.7, None),
    "LIFNode, reset and rest": lambda: nn.LIFNode(7.0, False, 0.9, -0.2, v_rest=0.05),
    "LIFNode, numbers for each": lambda: nn.LIFNode(some(1.5, 4), v_threshold=some(0.2, 0.8), v_reset=some(-0.3, 0.1)),
    "LIFNode, above the threshold alone": lambda: nn.LIFNode(3.0, v_threshold=0.4, strict=True),
    "ParametricLIFNode": lambda: nn.ParametricLIFNode(2.3, v_threshold=0.4),
    "CUBALIFNode": lambda: nn.CUBALIFNode(3.0, True, 5.0),
    "CUBALIFNode, input as it is": lambda: nn.CUBALIFNode(3.0, False, 2.5, v_threshold=2.0, v_reset=None),
    "LateResetNode": lambda: nn.LateResetNode(0.8, None, 1.1, "zero", late=False, gain=0.9),
    "LateResetNode, with a current": lambda: nn.LateResetNode(some(0.6, 0.9), 0.7, 2.0, "zero", late=False),
    "LIFNeuron": lambda: nn.LIFNeuron(N, DT, 5.0, v_thresh=0.12, t_refrac=0.0),
    "LIFNeuron, normalised": lambda: nn.LIFNeuron(threshold=1.0, decay=0.8),
    "RecurrentSynapse": lambda: nn.RecurrentSynapse(nn.LIFNode(3.0, v_threshold=0.4), nn.Linear(N, N)),
    "LinearRecurrentContainer": lambda: nn.LinearRecurrentContainer(nn.LIFNode(2.5, v_threshold=0.3), N, N),
    "Delay": lambda: nn.Sequential(nn.LIFNode(3.0, v_threshold=0.4), nn.Delay(3)),
}
POTENTIALS = {
    "NonSpikingIFNode": lambda: nn.NonSpikingIFNode(),
    "NonSpikingLIFNode": lambda: nn.NonSpikingLIFNode(3.0),
    "SynapseFilter": lambda: nn.SynapseFilter(4.0),
    "DualTimescaleSynapse": lambda: nn.DualTimescaleSynapse(),
    "LI": lambda: nn.LI(N),
    "SNNLayer": lambda: nn.SNNLayer(N, 4, dt=DT, tau_mem=5.0, v_thresh=0.1, t_refrac=0.0, seed=1),
}


def drive(T=60, B=3, n=N):
    return np.random.default_rng(2).normal(0.5, 1.2, (T, B, n)).astype(np.float32)


def spikes_of(module, x):
    """The module's own output for all steps."""
    if hasattr(module, "run"):
        return module.run(x)
    return grilly_vk.tensor(nn.MultiStepContainer(module)(x)).numpy() if isinstance(module, nn.Module) else None


@pytest.mark.parametrize("name", [*NODES, *POTENTIALS])
def test_a_round_trip_is_the_same_and_means_the_same(name, tmp_path):
    grilly_vk.manual_seed(5)
    module, x = (NODES | POTENTIALS)[name](), drive()
    if isinstance(module, nn.NonSpikingNode):
        module.step_mode = "s"
    save(module, tmp_path / "net.nir", (N,), DT)
    ours = spikes_of(module, x)
    assert ours.std() > 0.05
    read = load(tmp_path / "net.nir")(x).numpy()
    if name in NODES:
        np.testing.assert_array_equal(read, ours)
    else:
        np.testing.assert_allclose(read, ours, rtol=2e-5, atol=2e-5)
    graph = nir.read(tmp_path / "net.nir")  # with the package's check of types
    notes = [n.metadata["grilly_vk"] for n in graph.nodes.values() if "reset" in n.metadata.get("grilly_vk", {})]
    late = {"RecurrentSynapse": ("node", "connection"), "LinearRecurrentContainer": ("sub_module", "rc_back")}
    want = reference.run(
        graph, x, DT, notes[0]["integrator"], notes[0]["reset"], notes[0]["comparator"], late={late.get(name)}
    )["output"]  # fmt: skip
    if name in NODES or name == "SNNLayer":  # fields are float32, which decides rarely
        assert reference.agreement(ours, want) > 0.98
    else:
        np.testing.assert_allclose(ours, want, rtol=1e-4, atol=1e-4)


def network():
    grilly_vk.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.IFNode(0.3), nn.SumPool2d(2), nn.Dropout(0.5), nn.Conv2d(4, 3, 2),
        nn.LIFNode(2.5, v_threshold=0.3), nn.Identity(), nn.AvgPool2d((1, 3)), nn.Flatten(), nn.Linear(6, 6),
        nn.MultiStepContainer(nn.LIFNode(3.0, v_threshold=0.1)),
    ).eval()  # fmt: skip


def test_a_network_of_convolutions(tmp_path):
    net = network()
    x = np.random.default_rng(0).normal(0.4, 1, (12, 2, 2, 6, 8)).astype(np.float32)
    net[-1] = net[-1].module
    save(net, tmp_path / "net.nir", (2, 6, 8), DT)
    graph = nir.read(tmp_path / "net.nir")
    assert [type(n).__name__ for n in graph.nodes.values() if "Conv" in type(n).__name__] == ["Conv2d", "Conv2d"]
    assert tuple(graph.nodes["output"].output_type["output"]) == (6,)
    ours = nn.MultiStepContainer(net)(x).numpy()
    assert 0.05 < ours.mean() < 0.9
    np.testing.assert_array_equal(load(tmp_path / "net.nir")(x).numpy(), ours)
    want = reference.run(graph, x, DT, comparator=">=")["output"]
    assert reference.agreement(ours, want) > 0.95


def test_a_layer_may_be_written_with_what_came_from_nir_in_it():
    inner = from_nir(to_nir(nn.RecurrentSynapse(nn.IFNode(0.4), nn.Linear(4, 4)), (4,), DT))
    net = nn.Sequential(nn.Linear(N, 4), nn.LIFNode(2.0, v_threshold=0.2), inner, nn.IFNode(2.0))
    F.set_step_mode(net, "m")
    x = drive()
    want = net(x).numpy()
    assert 0.01 < want.mean() < 0.9
    np.testing.assert_array_equal(from_nir(to_nir(net, dt=DT))(x).numpy(), want)
    with pytest.raises(ValueError, match=r"dt is 0\.001, but 2.* was read with dt=0\.0003"):
        to_nir(net, dt=1e-3)


@pytest.mark.parametrize("strict", [False, True])
def test_a_potential_at_the_threshold_stays_what_it_is(strict):
    module, x = nn.IFNode(1.0, strict=strict), np.full((6, 1, N), 0.5, np.float32)
    np.testing.assert_array_equal(from_nir(to_nir(module, (N,), DT))(x).numpy(), spikes_of(module, x))


def test_another_dt_is_taken_from_the_fields():
    graph = to_nir(nn.LIFNode(4.0, v_threshold=0.4), (N,), DT)
    x = drive()
    again = from_nir(graph, dt=DT / 2)(x).numpy()
    np.testing.assert_array_equal(again, spikes_of(nn.LIFNode(8.0, v_threshold=0.4), x))
    graph.nodes["lif"].tau = graph.nodes["lif"].tau * 2  # as an edit of the file would
    np.testing.assert_array_equal(from_nir(graph)(x).numpy(), again)


def test_shares_of_a_step_come_back_to_the_last_bit():
    module = nn.LIFNode(np.linspace(1.1, 40, 300))  # 1 / tau, while the file has tau * dt in float32
    graph = to_nir(module, (300,), DT)
    want = module._dynamics().each.table.numpy()[0]
    np.testing.assert_array_equal(from_nir(graph).part("lif")._plan().dynamics.each.table.numpy()[0], want)
    graph.nodes["lif"].metadata.clear()
    assert (from_nir(graph, dt=DT).part("lif")._plan().dynamics.each.table.numpy()[0] != want).any()


def test_what_was_chosen_is_in_the_metadata(tmp_path):
    save(nn.Sequential(nn.IFNode(v_reset=None), nn.LIFNode()), tmp_path / "a.nir", (N,), DT)
    graph = nir.read(tmp_path / "a.nir")
    assert graph.metadata["grilly_vk"] == {"dt": DT, "integrator": "euler", "comparator": ">="}
    assert graph.nodes["0"].metadata["grilly_vk"]["reset"] == "subtract"
    assert graph.nodes["1"].metadata["grilly_vk"]["reset"] == "value"
    graph.metadata["grilly_vk"]["reset"] = "value"  # the node's own comes before
    assert [from_nir(graph).part(name).reset_by for name in "01"] == ["subtract", "value"]
    read = from_nir(graph, reset="subtract", comparator=">")  # what is asked for counts
    assert (read.part("1").reset_by, read.part("1").comparator) == ("subtract", ">")


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(N, N)

    def forward(self, x):
        return self.fc(x)


class Doubling(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Named(nn.LIFNode):
    def __init__(self):
        super().__init__(3.0, v_threshold=0.4)


def test_a_subclass_that_computes_the_same_is_written():
    np.testing.assert_array_equal(from_nir(to_nir(Named(), (N,), DT))(drive()).numpy(), spikes_of(Named(), drive()))


REFUSED = {
    "max pool": (nn.MaxPool2d(2), r"the module \(MaxPool2d\): NIR has no maximum; use AvgPool2d"),
    "norm": (nn.Sequential(nn.BatchNorm1d(N)), r"0 \(BatchNorm1d\): fold it into the weights"),
    "refractory": (nn.LIFNode(refractory=2), "set refractory=0"),
    "refractory time": (nn.LIFNeuron(N, 1e-3), "set t_refrac=0"),
    "adaptive": (nn.AdaptiveLIFNode(), "NIR has no such neuron; use IFNode"),
    "core": (nn.LIF(N), "spikes come from the potential before the input"),
    "dropout": (nn.Dropout(), r"call model\.eval"),
    "decode": (nn.NonSpikingLIFNode(decode="max-mem"), "set decode=None"),
    "flatten": (nn.Flatten(0), "set start_dim=1"),
    "ceil": (nn.AvgPool2d(2, ceil_mode=True), "set ceil_mode=False"),
    "padding": (nn.AvgPool2d(2, 2, 1, count_include_pad=False), "set count_include_pad=True"),
    "divisor": (nn.AvgPool2d(2, divisor_override=3), "use SumPool2d"),
    "late reset": (nn.LateResetNode(0.9), "use late=False, reset_mechanism='zero'"),
    "graded spikes": (nn.LateResetNode(0.9, None, 1.0, "zero", late=False, spike_factor=2.0), "set spike_factor=1"),
    "no leak": (nn.LateResetNode(1.0, None, 1.0, "zero", late=False), "keep beta and alpha below 1"),
    "connection delays": (nn.DelaySynapse(N, N, 3), r"use nn\.Delay"),
    "relu": (nn.ReLU(), "Converter"),
    "gru": (nn.GRU(N, N), "NIR has no node for it"),
    "own class": (Own(), r"write it with nn\.Sequential"),
    "own forward": (Doubling(N, N), "NIR has no node for it"),
    "own output": (nn.LinearRecurrentContainer(nn.Identity(), N, N), "no node that could take its own output"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_cannot_say_is_refused_with_what_to_change(name):
    module, text = REFUSED[name]
    with pytest.raises(ValueError, match=text) as caught:
        to_nir(module, (N,), DT)
    assert len(str(caught.value)) < 300


def test_all_that_is_in_the_way_is_listed():
    net = nn.Sequential(nn.Linear(N, N), nn.ReLU(), nn.Sequential(nn.MaxPool1d(2), nn.KLIFNode()))
    with pytest.raises(ValueError, match=r"1 \(ReLU\).*2\.0 \(MaxPool1d\).*and 1 more"):
        to_nir(net)


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="input_shape is missing"):
        to_nir(nn.LIFNode(), dt=DT)
    with pytest.raises(ValueError, match=r"dt, the seconds of a step, is missing: 0 \(LIFNode\)"):
        to_nir(nn.Sequential(nn.LIFNode()), (N,))
    with pytest.raises(ValueError, match=r"1 \(Linear\): its input has shape \(4,\), expected \(5,\)"):
        to_nir(nn.Sequential(nn.Linear(N, 4), nn.Linear(N, 2, bias=False)))
    with pytest.raises(TypeError, match="module must be a Module"):
        to_nir(np.ones(3))
    with pytest.raises(ValueError, match="dt must be positive"):
        to_nir(nn.LIFNode(), (N,), -1)
    with pytest.raises((TypeError, ValueError), match="input_shape"):
        to_nir(nn.LIFNode(), ("a",), DT)
    with pytest.raises(ValueError, match="no layer that NIR has a node for"):
        to_nir(nn.Identity(), (N,))
    with pytest.raises(TypeError, match="path must be a path"):
        save(nn.LIFNode(), 3, (N,), DT)
    with pytest.raises(ValueError, match=r"LIFNeuron.* was made with dt=0\.001"):
        to_nir(nn.LIFNeuron(N, 1e-3, t_refrac=0.0), (N,), 2e-3)
    read = from_nir(to_nir(nn.LIFNode(), (N,), DT))
    with pytest.raises(ValueError, match=r"input_shape is \(3,\), but the graph takes"):
        to_nir(read, (3,))
    path = tmp_path / "a.nir"
    save(read, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="NIR can't express"):
        save(nn.ReLU(), path)
    assert path.read_bytes() == before


def hooked(take):
    net = nn.Sequential(nn.Linear(N, N), nn.LIFNode())
    take(net)
    return net


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.Sequential(*[nn.LIFNode()] * 2), "1 .LIFNode.: it is 0 as well, with one state"),
        (lambda: nn.Sequential(*[nn.LIFNeuron(N, DT, t_refrac=0.0)] * 2), "it is 0 as well"),
        (lambda: hooked(lambda net: net[0].register_forward_hook(lambda m, i, o: o * 2)), "0 .Linear.: .* hooks"),
        (lambda: hooked(lambda net: net.register_forward_pre_hook(lambda m, i: None)), "the module .* hooks"),
        (lambda: nn.Sequential(nn.Flatten(-2)), "batch axis"),
    ],
)
def test_what_would_come_back_as_something_else_is_refused(make, text):
    with pytest.raises(ValueError, match=text):
        to_nir(make(), (N,), dt=DT)


def test_a_monitor_is_not_in_the_way():
    net = nn.Sequential(nn.Linear(N, N), nn.LIFNode())
    with grilly_vk.monitor.SpikeMonitor(net):
        assert "1" in to_nir(net, dt=DT).nodes
    fc, first, second = nn.Linear(N, N), nn.LIFNode(), nn.LIFNode()
    assert len(to_nir(nn.Sequential(fc, first, fc, second), dt=DT).nodes) == 6  # weights may be shared


def test_a_number_assigned_to_what_was_read_is_written_for_all():
    read = from_nir(to_nir(nn.Sequential(nn.Linear(N, N), nn.CUBALIFNode()), dt=DT))
    read.part("1").v_threshold, read.part("1").w_in = 0.3, 2.0
    back = to_nir(read).nodes["1"]
    assert back.v_threshold.shape == back.w_in.shape == (N,)
    np.testing.assert_array_equal(from_nir(to_nir(read))(drive()).numpy(), read(drive()).numpy())


def replaced(net):
    setattr(net, "1", nn.LIFNode(9.0))


def resized(net):
    setattr(net, "0", nn.Linear(N, 2 * N))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (replaced, "node '1' .LIF. is a LIFNode now"),
        (resized, "node '0' .Affine. no longer takes"),
        (lambda net: net.part("0").register_forward_hook(lambda m, i, o: o), "node '0': .* hooks"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_parts_that_are_no_longer_the_graphs_are_told(change, text, inside):
    read = from_nir(to_nir(nn.Sequential(nn.Linear(N, N), nn.LIFNode()), dt=DT))
    change(read)
    with pytest.raises(ValueError, match=text) as caught:
        to_nir(nn.Sequential(nn.Linear(N, N), read) if inside else read, dt=DT)
    assert len(str(caught.value)) < 300
