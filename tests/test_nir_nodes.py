"""Each node type of NIR against a float64 interpreter: values, states from call to call, gradients, settings."""

import copy

import nir_float64 as reference
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import grilly_vk
import grilly_vk.functional as F
from grilly_vk.nir import from_nir, to_nir
from grilly_vk.nir.meaning import exact_current

nir = pytest.importorskip("nir")
DT = 1e-3
SHAPE = (2, 3)


def parameters(kind, *, own=True, seed=0):
    """Fields of a neuron: one number each, or numbers of their own for each neuron."""
    rng = np.random.default_rng([seed, len(kind)])
    shape = SHAPE if own else ()

    def some(low, high):
        return np.broadcast_to(rng.uniform(low, high, shape), SHAPE).copy()

    fields = {
        "tau": some(2e-3, 2e-2), "tau_mem": some(2e-3, 2e-2), "tau_syn": some(2e-3, 1e-2), "r": some(0.5, 3.0),
        "v_leak": some(-0.3, 0.2), "v_threshold": some(0.3, 1.0), "v_reset": some(-0.4, 0.1), "w_in": some(0.5, 3.0),
    }  # fmt: skip
    if kind in ("I", "IF"):
        fields["r"] *= 300.0
    wanted = {"I": ["r"], "LI": ["tau", "r", "v_leak"], "CubaLI": ["tau_syn", "tau_mem", "r", "v_leak", "w_in"]}
    wanted |= {"IF": ["r", "v_threshold", "v_reset"], "LIF": ["tau", "r", "v_leak", "v_threshold", "v_reset"]}
    wanted["CubaLIF"] = [*wanted["CubaLI"], "v_threshold", "v_reset"]
    return {name: fields[name] for name in wanted[kind]}


def alone(node, shape=SHAPE):
    """A graph of one node."""
    return nir.NIRGraph(
        {"input": nir.Input(np.array(shape)), "node": node, "output": nir.Output(None)},
        [("input", "node"), ("node", "output")], type_check=False,
    )  # fmt: skip


def drive(T=40, B=2, shape=SHAPE, seed=1):
    return np.random.default_rng(seed).normal(1.0, 1.5, (T, B, *shape)).astype(np.float32)


CASES = [
    (kind, integrator, reset, own)
    for kind in reference.NEURONS
    for integrator in ("euler", "exact")
    for reset in (("value", "subtract") if "IF" in kind else ("value",))
    for own in (True, False)
    if own or kind in ("LIF", "CubaLIF", "LI")
]


@pytest.mark.parametrize(("kind", "integrator", "reset", "own"), CASES)
def test_a_neuron_equals_the_interpreter(kind, integrator, reset, own):
    graph, x = alone(getattr(nir, kind)(**parameters(kind, own=own))), drive()
    want = reference.run(graph, x, DT, integrator, reset)
    net = from_nir(graph, dt=DT, integrator=integrator, reset=reset)
    net.part("node").store_v_seq = True
    y = net(x).numpy()
    if "IF" in kind:
        assert 0.02 < y.mean() < 0.95
        np.testing.assert_array_equal(y, want["output"])
        np.testing.assert_allclose(net.part("node").v_seq.numpy(), want["node.v"], atol=2e-5)
    else:
        np.testing.assert_allclose(y, want["output"], rtol=2e-5, atol=2e-5)
    F.reset_net(net)  # and from call to call, and one step a call
    np.testing.assert_array_equal(np.concatenate([net(x[:7]).numpy(), net(x[7:]).numpy()]), y)
    F.reset_net(net)
    F.set_step_mode(net, "s")
    np.testing.assert_allclose(np.stack([net(row).numpy() for row in x]), y, rtol=1e-6, atol=1e-6)


def test_exact_is_what_the_equations_give_over_a_step():
    fields = {"tau_syn": 4e-3, "tau_mem": 6e-3, "r": 2.0, "v_leak": -0.2, "w_in": 1.5}
    node = nir.CubaLI(**{name: np.full(1, value) for name, value in fields.items()})
    x = drive(6, 1, (1,))
    y = from_nir(alone(node, (1,)), dt=DT, integrator="exact")(x).numpy().ravel()
    state = np.array([-0.2, 0.0])
    for given, ours in zip(x.ravel().astype(float), y):

        def moves(t, s, given=given):
            v, i = s
            return [(-0.2 - v + 2.0 * i) / 6e-3, (-i + 1.5 * given) / 4e-3]

        state = solve_ivp(moves, (0, DT), state, rtol=1e-9, atol=1e-12).y[:, -1]
        assert ours == pytest.approx(state[0], abs=1e-6)


@pytest.mark.parametrize("apart", [0.0, 1e-12, 1e-7, 1e-3])
def test_equal_time_constants_are_the_limit_of_close_ones(apart):
    early, late = exact_current(np.array(5e-3 * (1 + apart)), np.array(5e-3), DT)
    k = DT / 5e-3
    assert late == pytest.approx(k * np.exp(-k), rel=1e-3 + apart)
    assert early == pytest.approx(1 - np.exp(-k) - k * np.exp(-k), rel=1e-3 + apart)


@pytest.mark.parametrize("comparator", [">", ">="])
def test_a_potential_at_the_threshold(comparator):
    graph = alone(nir.IF(r=np.ones(SHAPE), v_threshold=np.full(SHAPE, 2.0)))
    x = np.ones((5, 1, *SHAPE), np.float32)
    y = from_nir(graph, dt=1.0, comparator=comparator)(x).numpy()
    np.testing.assert_array_equal(y, reference.run(graph, x, 1.0, comparator=comparator)["output"])
    assert np.flatnonzero(y[:, 0, 0, 0])[0] == (2 if comparator == ">" else 1)


def weights(*shape, seed=3):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


LAYERS = {
    "affine": (nir.Affine(weights(4, 3), weights(4)), (3,)),
    "linear": (nir.Linear(weights(4, 3)), (3,)),
    "affine of many axes": (nir.Affine(weights(2, 4, 3), weights(2, 4)), (2, 3)),
    "scale": (nir.Scale(weights(2, 3)), (2, 3)),
    "threshold": (nir.Threshold(np.abs(weights(2, 3))), (2, 3)),
    "conv1d": (nir.Conv1d(9, weights(4, 2, 3), 2, 1, 2, 2, weights(4)), (4, 9)),
    "conv1d same": (nir.Conv1d(9, weights(4, 2, 4), 1, "same", 1, 1, weights(4)), (2, 9)),
    "conv2d": (nir.Conv2d((7, 9), weights(4, 2, 3, 2), (2, 1), (1, 2), (1, 2), 1, weights(4)), (2, 7, 9)),
    "conv2d same": (nir.Conv2d((7, 9), weights(4, 2, 2, 3), 1, "same", (2, 1), 1, weights(4)), (2, 7, 9)),
    "conv2d valid in groups": (nir.Conv2d((7, 9), weights(4, 1, 3, 2), 2, "valid", 1, 2, weights(4)), (2, 7, 9)),
    "sum pool": (nir.SumPool2d(np.array([2, 3]), np.array([2, 1]), np.array([1, 1])), (2, 7, 9)),
    "average pool": (nir.AvgPool2d(np.array([2, 3]), np.array([1, 2]), np.array([0, 1])), (2, 7, 9)),
    "flatten": (nir.Flatten(np.array([2, 3, 4]), 0, -1), (2, 3, 4)),
    "flatten the last axes": (nir.Flatten(np.array([2, 3, 4]), 1, 2), (2, 3, 4)),
    "flatten from the end": (nir.Flatten(np.array([2, 3, 4]), -2, -1), (2, 3, 4)),
    "delay": (nir.Delay(np.full((2, 3), 3e-3)), (2, 3)),
    "delays": (nir.Delay(np.array([[0, 1, 2], [5, 1, 9]]) * 1e-3), (2, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_equals_the_interpreter(name):
    node, shape = LAYERS[name]
    graph, x = alone(node, shape), drive(6, 3, shape)
    want = reference.run(graph, x, DT)["output"]
    net = from_nir(graph, dt=DT)
    np.testing.assert_allclose(net(x).numpy(), want, rtol=1e-5, atol=1e-5)
    F.reset_net(net)
    np.testing.assert_allclose(np.concatenate([net(x[:2]).numpy(), net(x[2:]).numpy()]), want, rtol=1e-5, atol=1e-5)
    again = from_nir(to_nir(net))
    np.testing.assert_allclose(again(x).numpy(), want, rtol=1e-5, atol=1e-5)
    if getattr(node, "input_shape", None) is not None:  # what the graph does not say follows from its input
        bare = copy.copy(node)
        bare.input_shape = None
        np.testing.assert_allclose(from_nir(alone(bare, shape))(x).numpy(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["LIF", "CubaLIF", "CubaLI"])
@pytest.mark.parametrize("integrator", ["euler", "exact"])
def test_gradients_reach_the_input_through_time(kind, integrator):
    # where nothing spikes everything is linear: finite differences are exact
    fields = parameters(kind)
    if "v_threshold" in fields:
        fields["v_threshold"] = np.full(SHAPE, 1e6)
    net = from_nir(alone(getattr(nir, kind)(**fields)), dt=DT, integrator=integrator)
    part = net.part("node")
    part.store_v_seq = True
    x, rng = drive(5, 2), np.random.default_rng(0)
    cotangent = rng.normal(size=x.shape).astype(np.float32)

    def loss(given):
        F.reset_net(net)
        net(given)
        return (part.v_seq * cotangent).sum()

    given = grilly_vk.from_numpy(x)
    given.requires_grad_()
    loss(given).backward()
    direction = rng.normal(size=x.shape).astype(np.float32)
    apart = float(loss(x + direction).item()) - float(loss(x - direction).item())
    assert float((given.grad.numpy() * direction).sum()) == pytest.approx(apart / 2, rel=2e-3)


@pytest.mark.parametrize("gain", [1.0, 1.00001])
def test_a_gain_next_to_one_counts(gain):
    net = from_nir(alone(nir.I(np.full(SHAPE, gain / DT, np.float32))), dt=DT)
    x = np.ones((50, 1, *SHAPE), np.float32)
    np.testing.assert_allclose(net(x).numpy()[:, 0, 0, 0], gain * np.arange(1, 51), rtol=2e-6)


def test_settings_may_be_assigned():
    graph, x = alone(nir.CubaLIF(**parameters("CubaLIF"))), drive()
    net = from_nir(graph, dt=DT)
    net(x)
    F.reset_net(net)
    part = net.part("node")
    other = parameters("CubaLIF", seed=7)
    part.dt, part.integrator, part.reset_by, part.comparator = 2 * DT, "exact", "subtract", ">="
    for name, value in other.items():
        setattr(part, name, value)
    want = reference.run(alone(nir.CubaLIF(**other)), x, 2 * DT, "exact", "subtract", ">=")["output"]
    np.testing.assert_array_equal(net(x).numpy(), want)
    for name, value, error in [
        ("tau_mem", 0.0, "positive"), ("r", np.nan, "finite"), ("dt", -1, "positive"), ("integrator", "rk4", "exact"),
        ("v_leak", np.zeros(5), r"shapes"), ("reset_by", None, "subtract"),
    ]:  # fmt: skip
        before = getattr(part, name)
        with pytest.raises((TypeError, ValueError), match=error):
            setattr(part, name, value)
        assert getattr(part, name) is before


def test_a_threshold_of_infinity_never_fires():
    fields = parameters("LIF") | {"v_threshold": np.full(SHAPE, np.inf)}
    assert not from_nir(alone(nir.LIF(**fields)), dt=DT)(drive()).numpy().any()


def test_copies_and_states():
    net = from_nir(alone(nir.CubaLIF(**parameters("CubaLIF"))), dt=DT, integrator="exact")
    x = drive()
    net(x[:9])
    twin = copy.deepcopy(net)
    np.testing.assert_array_equal(twin(x[9:]).numpy(), net(x[9:]).numpy())
    assert net(np.zeros((0, 2, *SHAPE), np.float32)).shape == (0, 2, *SHAPE)
    with pytest.raises(ValueError, match="reset_net"):
        net(x[:, :1])


def test_a_run_is_one_dispatch_a_node():
    fields = parameters("CubaLIF", own=False)
    graph = nir.NIRGraph.from_list(nir.Affine(weights(6, 4), weights(6)), nir.CubaLIF(**{
        name: np.full(6, value.flat[0]) for name, value in fields.items()
    }))  # fmt: skip
    net, x = from_nir(graph, dt=DT), grilly_vk.from_numpy(drive(50, 2, (4,)))
    with grilly_vk.no_grad():
        net(x)
        with grilly_vk.profile() as p:
            net(x).numpy()
    assert sum(row.calls for row in p.kernels if row.kernel.startswith("snn-node")) == 1


def placed(node, edges=(("i", "n"), ("n", "o"))):
    sizes = np.array([3])
    ends = {"i": nir.Input({"input": sizes}), "o": nir.Output({"output": sizes})}
    graph = nir.NIRGraph({**ends, "n": node}, [("i", "n"), ("n", "o")], type_check=False)
    graph.edges = list(edges)
    return graph


def leaky(**fields):
    own = {"tau": 4e-4, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.3, "v_reset": 0.0}
    node = nir.LIF(**{name: np.full(3, value) for name, value in own.items()})
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def dense(weight):
    node = nir.Linear(np.eye(3))
    node.weight = weight
    return node


@pytest.mark.parametrize(
    ("node", "edges", "text"),
    [
        (
            lambda: leaky(v_threshold=np.ones((2, 3))),
            None,
            r"'n' \(LIF\): its input has shape \(3,\), expected \(2, 3\)",
        ),
        (lambda: dense(np.ones(3)), None, r"'n' \(Linear\): weight has shape \(3,\); expected 2 axes"),
        (lambda: dense(np.eye(3) * 1j), None, r"'n' \(Linear\): weight must hold real numbers"),
        (lambda: dense(np.eye(3)), [("i", "n", "o")], "edges must be pairs of names"),
    ],
)
def test_fields_that_a_batch_could_hide_are_told(node, edges, text):
    with pytest.raises(ValueError, match=text):
        from_nir(placed(node(), edges or (("i", "n"), ("n", "o"))), dt=1e-4)


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (lambda: leaky(), "v_threshold"),
        (lambda: nir.Delay(np.full(3, 1e-4)), "delay"),
        (lambda: nir.Threshold(np.ones(3)), "threshold"),
    ],
)
def test_what_is_assigned_is_for_a_sample_and_not_for_a_batch(node, name):
    read = copy.deepcopy(from_nir(placed(node()), dt=1e-4))
    before = getattr(read.part("n"), name)
    with pytest.raises(ValueError, match=rf"{name} .* shape \(2, 3\); expected that of a sample, \(3,\)"):
        setattr(read.part("n"), name, np.full((2, 3), 1e-4))
    np.testing.assert_array_equal(getattr(read.part("n"), name), before)
    setattr(read.part("n"), name, 2e-4)
    assert read(np.ones((2, 2, 3), np.float32)).shape == (2, 2, 3)


def test_an_output_may_go_on():
    """What comes out is there, too, where its Output node feeds others, in a cycle as well."""
    x = np.random.default_rng(5).normal(size=(6, 2, 3)).astype(np.float32)
    graph = placed(leaky(), [("i", "n"), ("n", "o"), ("o", "n")])
    alone = placed(leaky(), [("i", "n"), ("n", "n"), ("n", "o")])
    spikes = from_nir(graph, dt=1e-4)(x).numpy()
    np.testing.assert_array_equal(spikes, from_nir(alone, dt=1e-4)(x).numpy())
    assert 0 < spikes.mean() < 1
