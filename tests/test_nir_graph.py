"""Graphs of NIR: branches, sums, cycles, nested graphs, several inputs and outputs, depth; and what is refused."""

import copy
import warnings
from itertools import pairwise

import nir_float64 as reference
import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nir import from_nir, fused, load, save, to_nir
from grilly_vk.nir.order import ordered

nir = pytest.importorskip("nir")
DT = 1e-3


def lif(n, seed=0, **more):
    rng = np.random.default_rng(seed)
    fields = {"tau": rng.uniform(3e-3, 9e-3, n), "r": np.full(n, 4.0), "v_leak": np.zeros(n)}
    return nir.LIF(**fields | {"v_threshold": rng.uniform(0.3, 0.8, n)} | more)


def cuba(n, seed=0):
    rng = np.random.default_rng(seed)
    taus = {"tau_syn": rng.uniform(2e-3, 5e-3, n), "tau_mem": rng.uniform(3e-3, 9e-3, n)}
    return nir.CubaLIF(**taus, r=np.full(n, 5.0), v_leak=np.zeros(n), v_threshold=np.full(n, 0.4), w_in=np.full(n, 2.0))


def dense(n, m, seed=0, bias=True):
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 1.5 / np.sqrt(m), (n, m)).astype(np.float32)
    return nir.Affine(weight, rng.normal(0, 0.3, n).astype(np.float32)) if bias else nir.Linear(weight)


def graph(nodes, *edges, n=4):
    """A graph with the input `in` and the output `out`, edges as "a>b>c"."""
    pairs = [pair for path in edges for pair in zip(path.split(">"), path.split(">")[1:])]
    ends = {"in": nir.Input(np.array([n])), "out": nir.Output(np.array([n]))}
    return nir.NIRGraph(ends | nodes, pairs, type_check=False)


def drive(T=30, B=2, n=4, seed=1):
    return np.random.default_rng(seed).normal(0.6, 1.2, (T, B, n)).astype(np.float32)


RECURRENT = {
    "a loop": (
        {"a": lif(4), "w": dense(4, 4)}, ["in>a>w>a", "a>out"], [("a", "w")],
    ),
    "a current-based loop": (
        {"a": cuba(4), "w": dense(4, 4)}, ["in>a>w>a", "a>out"], [("a", "w")],
    ),
    "onto itself": ({"a": lif(4)}, ["in>a>a", "a>out"], [("a", "a")]),
    "through two layers": (
        {"a": lif(4), "b": cuba(4, 1), "v": dense(4, 4), "w": dense(4, 4, 2)},
        ["in>a>v>b>w>a", "b>out"], [("b", "w")],
    ),
    "two at once": (
        {"a": lif(4), "b": lif(4, 1), "v": dense(4, 4), "w": dense(4, 4, 2), "u": dense(4, 4, 3)},
        ["in>a>v>b>w>a", "b>u>b", "b>out"], [("b", "w"), ("b", "u")],
    ),
    "one way late, one not": (
        {"a": lif(4), "b": lif(4, 1), "v": dense(4, 4), "w": dense(4, 4, 2), "u": dense(4, 4, 3)},
        ["in>a>w>a", "a>v>b>u>a", "a>out"], [("a", "w"), ("b", "u")],
    ),
    "two ways in": (
        {"a": lif(4), "b": lif(4, 1), "v": dense(4, 4), "w": dense(4, 4, 2)},
        ["in>a>v>b>w>a", "in>b>out"], [("b", "w")],
    ),
    "a weight that serves two": (
        {"a": lif(4), "w": dense(4, 4, bias=False), "b": lif(4, 1)},
        ["in>a>w>a", "w>b>out"], [("w", "a")],
    ),
    "a filter on the way back": (
        {"a": lif(4), "w": dense(4, 4), "f": nir.LI(np.full(4, 4e-3), np.full(4, 2.0), np.zeros(4))},
        ["in>a>w>f>a", "a>out"], [("a", "w")],
    ),
    "no neuron": (
        {"f": nir.LI(np.full(4, 4e-3), np.full(4, 1.5), np.zeros(4)), "s": nir.Scale(np.full(4, -0.7, np.float32))},
        ["in>f>s>f", "f>out"], [("s", "f")],
    ),
    "a delay of three steps": (
        {"a": lif(4), "w": dense(4, 4, bias=False), "d": nir.Delay(np.array([3, 3, 3, 3]) * DT)},
        ["in>a>w>d>a", "a>out"], [],
    ),
    "delays of its own for each": (
        {"a": lif(4), "w": dense(4, 4, bias=False), "d": nir.Delay(np.array([1, 2, 5, 3]) * DT)},
        ["in>a>w>d>a", "a>out"], [],
    ),
    "some delays of nothing": (
        {"a": lif(4), "w": dense(4, 4, bias=False), "d": nir.Delay(np.array([0, 2, 5, 3]) * DT)},
        ["in>a>w>d>a", "a>out"], [("a", "w")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECURRENT)
def test_a_cycle_takes_one_step_or_as_many_as_its_delay_says(name):
    nodes, edges, late = RECURRENT[name]
    made, x = graph(nodes, *edges), drive()
    want = reference.run(made, x, DT, late=set(late))["out"]
    net = from_nir(made, dt=DT)
    assert net.structure.order.late == set(late)
    y = net(x).numpy()
    assert want.std() > 0.1
    np.testing.assert_allclose(y, want, atol=2e-5)
    F.reset_net(net)
    np.testing.assert_array_equal(np.concatenate([net(x[:11]).numpy(), net(x[11:]).numpy()]), y)
    np.testing.assert_allclose(from_nir(to_nir(net))(x).numpy(), want, atol=2e-5)


def same_for_all(kind, n=8):
    """Neurons whose input has no gain, as frameworks write them: one op runs the cycle."""
    ones = np.ones(n, np.float32)
    taus = {"tau": 4 * DT * ones} if kind == "LIF" else {"tau_syn": 2 * DT * ones, "tau_mem": 4 * DT * ones}
    fields = {"IF": {"r": ones / np.float32(DT)}, "LIF": taus | {"r": 4 * ones, "v_leak": 0 * ones}}
    fields["CubaLIF"] = taus | {"r": 4 * ones, "w_in": 2 * ones, "v_leak": 0 * ones}
    return getattr(nir, kind)(**fields[kind], v_threshold=2 * ones, v_reset=-0.25 * ones)


@pytest.mark.parametrize(
    ("kind", "reset", "comparator"),
    [
        ("IF", "value", ">"),
        ("LIF", "subtract", ">"),
        ("LIF", "value", ">="),
        ("CubaLIF", "value", ">"),
        ("CubaLIF", "subtract", ">="),
    ],
)
def test_a_cycle_through_one_dense_layer_is_one_op(kind, reset, comparator, monkeypatch):
    made = graph({"f": dense(8, 4), "a": same_for_all(kind), "w": dense(8, 8)}, "in>f>a>w>a", "a>out", n=4)
    made.nodes["out"] = nir.Output(np.array([8]))
    x, cotangent = 2 * drive(), drive(n=8, seed=3)

    def run(way):
        net = from_nir(made, dt=DT, reset=reset, comparator=comparator)
        calls = []
        monkeypatch.setattr(fused, "fits", lambda *given: calls.append(way(*given)) or calls[-1])
        first, given = net(x[:11]).numpy(), grilly_vk.from_numpy(x[11:])
        given.requires_grad_()
        y = net(given)
        (y * cotangent[11:]).sum().backward()
        grads = [p.grad.numpy() for p in (given, net.f.weight, net.w.weight, net.w.bias)]
        return np.concatenate([first, y.numpy()]), grads, all(calls)

    fits = fused.fits
    spikes, grads, whole = run(fits)
    stepped, others, _ = run(lambda *given: None)
    assert whole
    assert 0.05 < spikes.mean() < 0.8
    want = reference.run(made, x, DT, "euler", reset, comparator, late={("a", "w")})["out"]
    np.testing.assert_array_equal(spikes, want)
    np.testing.assert_array_equal(spikes, stepped)
    for ours, theirs in zip(grads, others):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("case", ["a hook", "potentials asked for", "own numbers", "a gain"])
def test_where_one_op_would_not_do_the_cycle_is_stepped(case):
    cell = same_for_all("LIF")
    if case == "own numbers":
        cell.v_threshold = np.linspace(1.5, 2.5, 8, dtype=np.float32)
    if case == "a gain":
        cell.r = 3 * np.ones(8, np.float32)
    made = graph({"f": dense(8, 4), "a": cell, "w": dense(8, 8)}, "in>f>a>w>a", "a>out", n=4)
    made.nodes["out"] = nir.Output(np.array([8]))
    net, heard = from_nir(made, dt=DT), []
    if case == "a hook":
        net.a.register_forward_hook(lambda *_: heard.append(1))
    if case == "potentials asked for":
        net.a.store_v_seq = True
    assert fused.fits(net.a, net.w, grilly_vk.from_numpy(drive(n=8))) is None
    want = reference.run(made, 2 * drive(), DT, late={("a", "w")})["out"]
    np.testing.assert_array_equal(net(2 * drive()).numpy(), want)
    assert len(heard) == (30 if case == "a hook" else 0)


@pytest.mark.parametrize("name", ["two at once", "two ways in"])
def test_the_order_does_not_hang_on_that_of_nodes_and_edges(name):
    nodes, edges, late = RECURRENT[name]
    made = graph(nodes, *edges)
    rng, x = np.random.default_rng(0), drive()
    want = from_nir(made, dt=DT)(x).numpy()
    for _ in range(5):
        names, pairs = list(made.nodes), list(made.edges)
        rng.shuffle(names)
        rng.shuffle(pairs)
        other = nir.NIRGraph({n: made.nodes[n] for n in names}, [tuple(p) for p in pairs], type_check=False)
        net = from_nir(other, dt=DT)
        assert net.structure.order.late == set(late)
        np.testing.assert_array_equal(net(x).numpy(), want)


def test_what_a_closing_edge_carries_at_first_is_what_its_tail_gives_to_silence():
    # w serves b in the same step and a in the next; apart, as w and u, each has one duty
    made = graph({"a": lif(4), "w": dense(4, 4), "b": lif(4, 1)}, "in>a>w>a", "w>b>out")
    apart = graph({"a": lif(4), "w": dense(4, 4), "u": dense(4, 4), "b": lif(4, 1)}, "in>a>w>b>out", "a>u>a")
    for node in (made.nodes["w"], apart.nodes["w"], apart.nodes["u"]):
        node.bias = node.bias * 5
    x = drive()
    want = reference.run(apart, x, DT, late={("a", "u")})["out"]
    assert (want != reference.run(made, x, DT, late={("w", "a")})["out"]).any()  # which begins with 0
    np.testing.assert_array_equal(from_nir(made, dt=DT)(x).numpy(), want)


def test_only_the_nodes_of_a_cycle_are_stepped():
    made = graph({"f": dense(4, 4), "a": lif(4), "w": dense(4, 4), "g": dense(4, 4), "b": lif(4)},
                 "in>f>a>w>a", "a>g>b>out")  # fmt: skip
    net = from_nir(made, dt=DT)
    assert sorted(n for s in net.structure.order.stages if s.stepped for n in s.nodes) == ["a", "w"]


def test_a_recurrent_synapse_is_the_same_cycle():
    grilly_vk.manual_seed(3)
    net = nn.RecurrentSynapse(nn.LIFNode(3.0, v_threshold=0.3), nn.Linear(4, 4), nn.SynapseFilter(4.0))
    x = drive()
    want = nn.MultiStepContainer(net)(x).numpy()
    read = from_nir(to_nir(net, (4,), DT))
    assert 0.05 < want.mean() < 0.9
    np.testing.assert_array_equal(read(x).numpy(), want)


def test_sources_are_summed_and_twice_the_same_edge_is_one():
    made = graph({"a": dense(4, 4), "b": dense(4, 4, 1), "s": nir.Scale(np.full(4, 2.0, np.float32))},
                 "in>a>s>out", "in>b>s", "in>s", "in>a")  # fmt: skip
    x = drive()
    np.testing.assert_allclose(from_nir(made)(x).numpy(), reference.run(made, x, DT)["out"], atol=1e-5)


def test_nested_graphs_stay_nested(tmp_path):
    inner = graph({"lif": cuba(4), "w_rec": dense(4, 4)}, "in>lif>w_rec>lif", "lif>out")
    middle = graph({"deep": inner, "fc": dense(4, 4, 5)}, "in>fc>deep>out")
    outer = graph({"first": dense(4, 4, 6), "part": middle, "last": lif(4)}, "in>first>part>last>out")
    x = drive()
    want = reference.run(outer, x, DT, late={("part.deep.lif", "part.deep.w_rec")})["out"]
    net = from_nir(outer, dt=DT)
    assert 0.02 < want.mean() < 0.95
    np.testing.assert_array_equal(net(x).numpy(), want)
    save(net, tmp_path / "nested.nir")
    again = nir.read(tmp_path / "nested.nir", type_check=False)
    assert set(again.nodes["part"].nodes["deep"].nodes) == {"in", "out", "lif", "w_rec"}
    np.testing.assert_array_equal(load(tmp_path / "nested.nir")(x).numpy(), want)
    assert net.part("part.deep.lif") is net.part_deep_lif
    with pytest.raises(KeyError, match="no node 'other'"):
        net.part("other")


def test_a_cycle_through_a_nested_graph():
    inner = graph({"lif": lif(4), "fc": dense(4, 4)}, "in>fc>lif>out")
    outer = graph({"layer": inner, "back": dense(4, 4, 2)}, "in>layer>back>layer", "layer>out")
    x = drive()
    want = reference.run(outer, x, DT, late={("layer.out", "back")})["out"]
    np.testing.assert_array_equal(from_nir(outer, dt=DT)(x).numpy(), want)


def test_several_inputs_and_outputs():
    ends = {"x": nir.Input(np.array([3])), "y": nir.Input(np.array([4])), "s": nir.Output(None), "v": nir.Output(None)}
    made = nir.NIRGraph(
        ends | {"a": dense(4, 3), "b": lif(4), "c": nir.I(np.full(4, 10.0))},
        [("x", "a"), ("a", "b"), ("y", "b"), ("b", "s"), ("y", "c"), ("c", "v")], type_check=False,
    )  # fmt: skip
    given = {"x": drive(n=3), "y": drive()}
    want = reference.run(made, given, DT)
    net = from_nir(made, dt=DT)
    found = net(given)
    assert list(found) == ["s", "v"]
    np.testing.assert_array_equal(found["s"].numpy(), want["s"])
    np.testing.assert_allclose(found["v"].numpy(), want["v"], atol=1e-5)
    for wrong, error, text in [
        (given["x"], TypeError, "mapping with the inputs"), ({"x": given["x"]}, ValueError, "expected"),
        ({"x": given["x"], "y": given["y"][:5]}, ValueError, "an input before it"),
    ]:  # fmt: skip
        with pytest.raises(error, match=text):
            net(wrong)


def test_ten_thousand_nodes_in_a_row_and_in_a_ring():
    n = 10_000
    nodes = {f"s{i}": nir.Scale(np.ones(2, np.float32)) for i in range(n)}
    row = graph(nodes, "in>" + ">".join(nodes) + ">out", n=2)
    x = drive(2, 1, 2)
    net = from_nir(row)
    np.testing.assert_array_equal(net(x).numpy(), x)
    assert len(to_nir(net).nodes) == n + 2
    names = [f"n{i}" for i in range(n)]
    edges = [("in", "n0"), *pairwise(names), (names[-1], "n0"), ("n5", "out")]
    ring = ordered(["in", *names, "out"], edges, ["in"], set(), set())
    assert ring.late == {(names[-1], "n0")}
    assert [stage.stepped for stage in ring.stages] == [False, True, False]
    assert ring.stages[1].nodes == tuple(names)


def test_training_moves_the_weights():
    net = from_nir(graph({"f": dense(4, 4), "a": lif(4), "w": dense(4, 4)}, "in>f>a>w>a", "a>out"), dt=DT)
    before = {name: p.numpy().copy() for name, p in net.named_parameters()}
    assert set(before) == {"f.weight", "f.bias", "w.weight", "w.bias"}
    optimizer = grilly_vk.optim.SGD(net.parameters(), lr=0.1)
    (net(drive()) * drive(seed=9)).sum().backward()
    optimizer.step()
    moved = {name: p.numpy() for name, p in net.named_parameters()}
    assert all(not np.array_equal(moved[name], before[name]) for name in before)
    np.testing.assert_array_equal(to_nir(net).nodes["w"].weight, moved["w.weight"])
    other = from_nir(graph({"f": dense(4, 4, 8), "a": lif(4), "w": dense(4, 4, 9)}, "in>f>a>w>a", "a>out"), dt=DT)
    other.load_state_dict(net.state_dict())
    F.reset_net(net)
    np.testing.assert_array_equal(other(drive()).numpy(), net(drive()).numpy())


def test_a_compiled_graph_notices_what_is_assigned():
    nodes, edges, _ = RECURRENT["a current-based loop"]
    net, x = from_nir(graph(nodes, *edges), dt=DT), drive()

    @grilly_vk.compile
    def run(given):
        F.reset_net(net)
        return net(given)

    def eager():
        F.reset_net(net)
        return net(x).numpy()

    for _ in range(3):
        np.testing.assert_array_equal(run(x).numpy(), eager())
    before = eager()
    net.a.reset_by, net.a.v_threshold = "subtract", np.full(4, 0.2)
    assert (eager() != before).any()
    np.testing.assert_array_equal(run(x).numpy(), eager())


def test_states_of_a_graph():
    nodes, edges, _ = RECURRENT["through two layers"]
    net, x = from_nir(graph(nodes, *edges), dt=DT), drive()
    net(x[:9])
    twin = copy.deepcopy(net)
    F.detach_net(net)
    np.testing.assert_array_equal(twin(x[9:]).numpy(), net(x[9:]).numpy())
    with pytest.raises(ValueError, match="reset_net"):
        net(x[:, :1])
    assert net(x[:0]).shape == (0, 2, 4)
    for wrong in (x[0], x[..., :3], x[..., None]):
        with pytest.raises(ValueError, match="expected"):
            net(wrong)
    with pytest.raises(AttributeError, match="read the graph again"):
        net.structure = None
    inside = nn.Sequential(from_nir(graph({"a": lif(4)}, "in>a>out"), dt=DT), nn.NonSpikingIFNode())
    F.set_step_mode(inside, "m")
    want = reference.run(graph({"a": lif(4)}, "in>a>out"), x, DT)["out"].cumsum(0)
    np.testing.assert_allclose(inside(x).numpy(), want, atol=1e-5)


# ---- what is refused ----


def bare(nodes, *edges):
    return nir.NIRGraph(nodes, list(edges), type_check=False)


GOOD = {"a": lif(4)}
BAD = {
    "tau": (graph({"a": lif(4, tau=np.array([1e-3, 0, 1e-3, 1e-3]))}, "in>a>out"), "node 'a' .*: tau must be positive"),
    "nan": (graph({"a": lif(4, r=np.full(4, np.nan))}, "in>a>out"), r"node 'a' \(LIF\): r must be finite"),
    "no edge in": (graph({"a": lif(4), "b": lif(4)}, "in>a>out", "b>out"), r"node 'b' \(LIF\) gets no input"),
    "no edge out": (graph({"a": lif(4), "b": lif(4)}, "in>a>out", "in>b"), "takes the output of node 'b'"),
    "edge to nowhere": (graph(GOOD, "in>a>out", "a>c"), "edge a -> c: there is no node 'c'"),
    "shapes": (graph({"w": dense(3, 4), "a": lif(4)}, "in>w>a>out"), r"node 'a' \(LIF\): its input has shape \(3,\)"),
    "sum": (graph({"w": dense(3, 4), "a": lif(4)}, "in>w>a>out", "in>a"), r"node 'a' \(LIF\) sums outputs of shape"),
    "back": (graph({"a": lif(4), "w": dense(3, 4)}, "in>a>w>a", "a>out"), "sums|takes"),
    "output": (graph({"w": dense(3, 4)}, "in>w>out"), r"node 'out' \(Output\): its input has shape \(3,\)"),
    "bias": (graph({"w": nir.Affine(np.ones((4, 4)), np.ones(3))}, "in>w>out"), r"node 'w' \(Affine\): bias has shape"),
    "delay": (graph({"d": nir.Delay(np.full(4, 2.5e-3))}, "in>d>out"), r"node 'd' \(Delay\): delay must be a multiple"),
    "negative delay": (graph({"d": nir.Delay(np.full(4, -1e-3))}, "in>d>out"), "node 'd' .*: delay must not be"),
    "no input": (bare({"a": lif(4), "out": nir.Output(np.array([4]))}, ("a", "out")), "the graph has no Input node"),
    "no output": (bare({"in": nir.Input(np.array([4])), "a": lif(4)}, ("in", "a")), "takes the output of node 'a'"),
    "no shape": (
        bare({"in": nir.Input(None), "out": nir.Output(None)}, ("in", "out")),
        "node 'in' .*: give input_shape",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_graph_is_refused_and_the_node_named(name):
    made, text = BAD[name]
    with pytest.raises(ValueError, match=text) as caught:
        from_nir(made, dt=DT)
    assert len(str(caught.value)) < 300


def test_an_unknown_type_and_wrong_arguments():
    class Spiky(nir.ir.NIRNode):
        def __init__(self):
            self.input_type = self.output_type = {"input": np.array([4])}

    with pytest.raises(ValueError, match="node 'a' is of type Spiky, which is not one of"):
        from_nir(graph({"a": Spiky()}, "in>a>out"), dt=DT)
    good = graph(GOOD, "in>a>out")
    for options, error, text in [
        ({}, ValueError, r"dt, the seconds of a step, is missing: node 'a'"),
        ({"dt": 0}, ValueError, "dt must be positive"),
        ({"dt": "1"}, TypeError, "dt must be a number"),
        ({"dt": DT, "integrator": "rk"}, ValueError, "integrator must be"),
        ({"dt": DT, "reset": "zero"}, ValueError, "reset must be"),
        ({"dt": DT, "comparator": "<"}, ValueError, "comparator must be"),
        ({"dt": DT, "input_shape": (5,)}, ValueError, r"input_shape is \(5,\), but the graph's node 'in' says \(4,\)"),
        ({"dt": DT, "input_shape": {"x": (4,)}}, ValueError, "not one of the inputs"),
    ]:
        with pytest.raises(error, match=text):
            from_nir(good, **options)
    for wrong in (None, 3, [good]):
        with pytest.raises(TypeError, match="NIRGraph or a path"):
            from_nir(wrong, dt=DT)
    assert from_nir(good, dt=DT, input_shape=(4,))(drive()).shape == (30, 2, 4)


def test_a_step_longer_than_a_time_constant_warns():
    made = graph({"a": lif(4), "b": cuba(4)}, "in>a>b>out")
    with pytest.warns(UserWarning, match="time constant of node 'a', 'b'"):
        from_nir(made, dt=1e-2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_nir(made, dt=1e-3)


def test_damaged_and_foreign_files(tmp_path):
    import h5py

    with pytest.raises(FileNotFoundError, match="there is no file"):
        load(tmp_path / "none.nir", DT)
    with pytest.raises(TypeError, match="path must be a path"):
        load(graph(GOOD, "in>a>out"), DT)
    path = tmp_path / "a.nir"
    save(graph(GOOD, "in>a>out"), path)
    whole = path.read_bytes()
    damaged = [b"", b"not HDF5", whole[: len(whole) // 2], whole[:600] + b"\xff" * 900 + whole[1500:]]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.nir can't be read as a NIR graph"):
            load(path, DT)

    def broken(change):
        path.write_bytes(whole)
        with h5py.File(path, "a") as file:
            change(file)
        with pytest.raises(ValueError, match="can't be read as a NIR graph") as caught:
            load(path, DT)
        assert len(str(caught.value)) < 300
        return str(caught.value)

    def other_type(file):
        del file["node/nodes/a/type"]
        file["node/nodes/a/type"] = "Hodgkin"

    assert "node 'a' is of type Hodgkin" in broken(other_type)
    assert "node 'a' (LIF) has no tau" in broken(lambda file: file.pop("node/nodes/a/tau"))
    assert "has no edges" in broken(lambda file: file.pop("node/edges"))

    def instead(key, value):
        def change(file):
            del file[f"node/nodes/{key}"]
            file[f"node/nodes/{key}"] = value(file) if callable(value) else value

        return change

    assert "node 'a' has no type" in broken(instead("a/type", 3))
    assert "node 'a' is no group" in broken(instead("a", 3))
    assert "can't decode byte" in broken(instead("a/type", np.bytes_(b"\xff")))
    assert "recursion" in broken(instead("a", lambda file: file["node"]))  # a group that holds itself
    assert "MemoryError" in broken(lambda file: file["node/nodes/a"].create_dataset("x", (2**45,), "f4", chunks=(64,)))
    assert "has no group 'node'" in broken(lambda file: file.pop("node"))


def test_faults_of_our_own_are_no_damage(tmp_path, monkeypatch):
    import h5py

    from grilly_vk.nir import read

    path = tmp_path / "a.nir"
    save(graph(GOOD, "in>a>out"), path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/a/tau"]
    monkeypatch.setattr(read, "FIELDS", None)
    with pytest.raises(TypeError, match="NoneType"):
        load(path, DT)


def test_without_the_package_the_message_says_what_to_install(snippet):
    code = """
        import sys
        sys.modules["nir"] = None
        import grilly_vk.nir
        from grilly_vk import nn
        for call in (lambda: grilly_vk.nir.from_nir("x.nir"), lambda: grilly_vk.nir.to_nir(nn.Linear(2, 2))):
            try:
                call()
            except ImportError as error:
                assert "pip install 'grilly-vk[nir]'" in str(error), error
            else:
                raise AssertionError
        import grilly.nir
        assert grilly.nir is grilly_vk.nir
    """
    snippet(code)
