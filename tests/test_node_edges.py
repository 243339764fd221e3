"""Spiking nodes off the beaten track: settings and states set by hand, checkpoints, shared nodes, copies, overflow."""

import copy

import numpy as np
import pytest

import grilly
import grilly.functional as F
from grilly import nn

X = np.random.default_rng(0).normal(1.0, 1.0, (12, 4, 8)).astype(np.float32)


@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_checkpoint_carries_state_in_and_out(mode):
    recorded = nn.ParametricLIFNode(store_v_seq=mode == "m")
    net = nn.Sequential(nn.Linear(8, 8), nn.AdaptiveLIFNode(), nn.Linear(8, 8), recorded)
    F.set_step_mode(net, mode)

    def nested(h):
        return grilly.checkpoint(lambda part: grilly.checkpoint(net, part) * 1.0, h)

    def found(call):
        F.reset_net(net)
        net.zero_grad()
        x = grilly.tensor(X, requires_grad=True)
        h = x * 1.5
        parts = [h[i : i + 4] for i in (0, 4, 8)] if mode == "m" else [h[i] for i in range(12)]
        loss = sum(call(part).sum() * float(i + 1) for i, part in enumerate(parts)) + recorded.v.sum()
        if mode == "m":
            loss = loss + recorded.v_seq.sum()
        loss.backward()
        return [x.grad.numpy(), *(p.grad.numpy() for p in net.parameters()), recorded.v.numpy()]

    plain = found(net)
    for call in (lambda h: grilly.checkpoint(net, h), nested):
        for got, wanted in zip(found(call), plain):
            np.testing.assert_array_equal(got, wanted)


def test_a_node_in_two_places_sees_their_inputs_in_turn():
    node = nn.IFNode(v_threshold=0.3)
    net = nn.Sequential(nn.Linear(8, 8), node, nn.Linear(8, 8), node)
    wanted = grilly.stack([net(X[t]) for t in range(len(X))]).numpy()
    F.reset_net(net)
    np.testing.assert_array_equal(nn.MultiStepContainer(net)(X).numpy(), wanted)
    F.reset_net(net)
    np.testing.assert_array_equal(F.multi_step_forward(net, X, len(X)).numpy(), wanted)


def test_a_compiled_function_follows_changed_settings():
    node, layer = nn.IFNode(step_mode="m"), nn.Linear(8, 8)

    def gradient(x):
        node.reset()
        layer.zero_grad()
        out = node(layer(x))
        out.sum().backward()
        return out

    step = grilly.compile(gradient)
    step(X)
    for change in ({"v_threshold": 0.3}, {"v_reset": None}, {"surrogate_function": nn.Sigmoid(1.0)}):
        for name, value in change.items():
            setattr(node, name, value)
        out, found = step(X).numpy(), layer.weight.grad.numpy()
        np.testing.assert_array_equal(gradient(X).numpy(), out)
        np.testing.assert_array_equal(layer.weight.grad.numpy(), found)
    captures = step.captures
    node.surrogate_function.alpha = 7.0
    step(X)
    assert step.captures == captures + 1


@pytest.mark.parametrize("name", ["ATan", "Sigmoid", "FastSigmoid", "SuperSpike", "PiecewiseQuadratic", "Erf", "Rect"])
def test_a_surrogate_follows_its_parameter(name):
    made = getattr(nn, name)
    changed, wanted = made(), made(3.0)
    setattr(changed, "beta" if name == "SuperSpike" else "alpha", 3.0)
    x = np.linspace(-1, 1, 9, dtype=np.float32)
    np.testing.assert_array_equal(changed.derivative(x).numpy(), wanted.derivative(x).numpy())
    assert changed == wanted


@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("n", [1, 4])
def test_an_overflowed_potential_has_no_nan_gradient(memory, n):
    node = nn.LIFNode(step_mode="m", memory=memory)
    values = np.repeat(np.array([[1.0], [np.inf], [1.0]], np.float32), n, 1)
    x = grilly.tensor(values, requires_grad=True)
    node(x).sum().backward()
    slope = 1.0 / (1.0 + (np.pi * 0.5) ** 2)  # at H = 0.5
    np.testing.assert_allclose(x.grad.numpy(), np.repeat([[slope / 2], [0.0], [slope / 2]], n, 1), rtol=1e-5)


def test_no_steps_leave_the_state_on_the_tape():
    node = nn.LIFNode(step_mode="m")
    v = grilly.tensor(X[0], requires_grad=True)
    node.v = v
    assert node(np.zeros((0, 4, 8), np.float32)).shape == (0, 4, 8)
    (node.v * 2.0).sum().backward()
    np.testing.assert_array_equal(v.grad.numpy(), np.full((4, 8), 2.0))


@pytest.mark.parametrize("v", [np.zeros(8, np.float32), None, "0"])
def test_a_state_of_the_wrong_type_is_an_error(v):
    node = nn.IFNode()
    node.v = v
    with pytest.raises(TypeError, match="state v of IFNode must be a number or a Tensor"):
        node(X[0])


def test_a_state_of_another_dtype_is_an_error():
    node = nn.IFNode()
    node.v = grilly.tensor(np.full((4, 8), 5, np.int32))
    with pytest.raises(TypeError, match="state v of IFNode must be float32, not int32"):
        node(X[0])


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("v_threshold", None, TypeError),
        ("v_reset", "0", TypeError),
        ("tau", 0.0, ValueError),
        ("step_mode", "x", ValueError),
    ],
)
def test_settings_are_checked_when_they_are_assigned(name, value, error):
    node = nn.LIFNode()
    with pytest.raises(error, match=name):
        setattr(node, name, value)
    np.testing.assert_array_equal(node(X[0]).numpy(), nn.LIFNode()(X[0]).numpy())


@pytest.mark.parametrize("name", ["tau", "v_threshold"])
def test_a_parameter_in_place_of_a_number_is_an_error(name):
    node = nn.LIFNode()
    with pytest.raises(TypeError, match=f"{name} must be a number"):  # it would get no gradient
        setattr(node, name, nn.Parameter(grilly.tensor(np.float32(2.0))))
    assert not node._parameters


def test_a_model_is_copied_in_the_middle_of_a_sequence():
    net = nn.Sequential(nn.Linear(8, 8), nn.LIFNode(), nn.Linear(8, 3), nn.CUBALIFNode())
    net(X[0])
    other = copy.deepcopy(net)
    assert other[1].v.node is None and net[1].v.node is not None
    np.testing.assert_array_equal(other(X[1]).numpy(), net(X[1]).numpy())


def test_recurrent_containers_refuse_nodes_of_step_mode_m():
    container = nn.ElementWiseRecurrentContainer(nn.LIFNode(step_mode="m"), lambda x, y: x + y)
    with pytest.raises(ValueError, match="step mode"):
        container(X[0])


def test_a_step_takes_numpy_numbers_as_potential():
    spike, v = F.lif_step([1.0, 3.0], np.float32(0.5))
    np.testing.assert_array_equal(spike.numpy(), [0.0, 1.0])
    np.testing.assert_array_equal(v.numpy(), [0.75, 0.0])


def test_state_after_a_compiled_call_is_that_of_the_call():
    """Recordings of two shapes in turn: each leaves the state that the plain function would leave."""
    node = nn.LIFNode(step_mode="m", store_v_seq=True)

    def run(x):
        F.reset_net(node)
        return node(x)

    compiled = grilly.compile(run)
    rng = np.random.default_rng(0)
    for shape in ((4, 3), (2, 3), (4, 3), (4, 3), (2, 3)):
        x = rng.normal(0.5, 1.0, shape).astype(np.float32)
        compiled(x)
        got = node.v.numpy(), node.v_seq.numpy()
        run(x)
        np.testing.assert_array_equal(got[0], node.v.numpy())
        np.testing.assert_array_equal(got[1], node.v_seq.numpy())
    assert compiled.captures == 2
