"""models.SNN against float64: rates, gradients by backpropagation through time written out, training, saving."""

import copy

import numpy as np
import pytest
from learning import training_step
from steady import settled

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.models import SNN
from grilly_vk.ops.nodes import Dynamics, node
from grilly_vk.ops.surrogate import Slope


def slope(z, k=25.0):
    return k / (1 + k * np.abs(z)) ** 2


def reference(model, x, g=None):
    """(output, spikes of each layer, gradients of x and of all parameters by name) in float64, g (B, out)."""
    beta, th, steps = np.exp(-1 / model.tau), model.threshold, model.num_timesteps
    weights = [layer.weight.numpy().astype(np.float64) for layer in model.layers]
    out_w, out_b = (p.numpy().astype(np.float64) for p in (model.readout.weight, model.readout.bias))
    below, spikes, potentials = np.broadcast_to(x.astype(np.float64), (steps, *x.shape)), [], []
    inputs = [below]
    for w in weights:
        v, s, h = np.zeros((x.shape[0], w.shape[0])), [], []
        for t in range(steps):
            v = beta * v + below[t] @ w.T
            h.append(v)
            s.append((v > th).astype(np.float64))
            v = v - s[-1] * th
        below = np.array(s)
        spikes.append(below)
        potentials.append(np.array(h))
        inputs.append(below)
    rate = below.mean(0)
    out = rate @ out_w.T + out_b
    if g is None:
        return out, spikes, {}
    grads = {"readout.weight": g.T @ rate, "readout.bias": g.sum(0)}
    gs = np.broadcast_to(g @ out_w / steps, below.shape)
    for i in reversed(range(len(weights))):
        z, gv = potentials[i] - th, np.zeros_like(potentials[i][0])
        gx = np.zeros_like(potentials[i])
        for t in reversed(range(steps)):
            gh = gv + (gs[t] - th * gv) * slope(z[t])  # the reset v = h - s th carries gradient
            gx[t] = gh
            gv = beta * gh
        grads[f"layers.{i}.weight"] = np.einsum("tbo,tbi->oi", gx, inputs[i])
        gs = gx @ weights[i]
    grads["x"] = gs.sum(0)
    return out, spikes, grads


def make(**options):
    grilly_vk.manual_seed(0)
    model = SNN.build(**({"input_size": 7, "hidden_sizes": [9, 6], "output_size": 3, "num_timesteps": 11} | options))
    for layer in model.layers:
        layer.weight.detach().assign(layer.weight.numpy() * 2)
    return model


CASES = [
    (4, {}),
    (1, {"input_size": 1, "hidden_sizes": [1], "output_size": 1}),
    (3, {"num_timesteps": 1, "hidden_sizes": [8]}),
    (5, {"hidden_sizes": (8, 4, 12), "tau": 5.0, "threshold": 0.6, "num_timesteps": 30}),
]


@pytest.mark.parametrize(("batch", "options"), CASES)
def test_values_and_gradients(batch, options):
    model = make(**options)
    rng = np.random.default_rng(batch)
    x = (rng.random((batch, model.layers[0].in_features)) * 3).astype(np.float32)
    g = rng.normal(size=(batch, model.readout.out_features)).astype(np.float32)
    given = grilly_vk.tensor(x, requires_grad=True)
    out = model(given)
    want, spikes, grads = reference(model, x, g.astype(np.float64))
    for mine, theirs in zip(model.spikes(x), spikes):
        np.testing.assert_array_equal(mine.numpy(), theirs)
    np.testing.assert_allclose(out.numpy(), want, rtol=1e-5, atol=1e-6)
    out.backward(grilly_vk.tensor(g))
    got = {"x": given.grad} | {name: p.grad for name, p in model.named_parameters()}
    assert set(got) == set(grads)
    for name, value in got.items():
        scale = max(1e-3, np.abs(grads[name]).max())
        np.testing.assert_allclose(value.numpy(), grads[name], rtol=2e-4, atol=2e-5 * scale, err_msg=name)
    if batch > 1:
        assert all(0 < s.mean() < 1 for s in spikes[:1])


def test_above_the_threshold_and_not_at_it():
    """Potentials that are exact in float32: 1 does not fire, the next number does, and the threshold is taken off."""
    model = SNN.build(input_size=3, hidden_sizes=[3], output_size=1, num_timesteps=1)
    model.layers[0].weight.detach().assign(np.eye(3, dtype=np.float32))
    above = np.nextafter(np.float32(1), np.float32(2))
    np.testing.assert_array_equal(model.spikes([[1.0, above, 3.0]])[0].numpy(), [[[0, 1, 1]]])
    np.testing.assert_array_equal(SNN.surrogate_gradient([0.0, 1e-30, -1e-30, np.nan]).numpy(), [0, 1, 0, 0])
    x = grilly_vk.tensor(np.array([1.0, above, 3.0], np.float32))
    got = node(x, 0.0, Dynamics("lif", 0.5, False, 1.0, None, strict=True), Slope("atan"))
    np.testing.assert_array_equal(got.spikes.numpy(), [0, 1, 1])
    np.testing.assert_array_equal(got.v.numpy(), [1, above - np.float32(1), 2])
    for strict in (True, False):  # backward sees the same spikes
        x = grilly_vk.tensor(np.array([0.5, 1.0, 2.0], np.float32), requires_grad=True)
        node(x, 0.0, Dynamics(strict=strict, detach_reset=True), Slope("atan")).v.sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), [1, strict, 0])


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
def test_a_held_input_is_the_same_input_at_every_step(strict, recompute, monkeypatch):
    """Bits and gradients of the input repeated: in one piece and several, by four and by one, in blocks of steps."""
    rng = np.random.default_rng(1)
    dynamics = Dynamics("lif", 0.3, False, 1.0, None, strict=strict)
    for n, size in ((8, 64), (5, 64), (8, 7), (16384, 64)):
        if n > 1000 and recompute:
            continue
        x, v = (rng.normal(0.6, 0.5, (2, n)).astype(np.float32) for _ in range(2))
        cs = rng.normal(size=(20, 2, n)).astype(np.float32)
        engine = type(grilly_vk.tensor(x).engine)
        monkeypatch.setattr(engine, "steps_per_submit", lambda self, work, size=size: size)
        got = []
        for held in (True, False):
            a, b = grilly_vk.tensor(x, requires_grad=True), grilly_vk.tensor(v, requires_grad=True)
            given = a if held else a.reshape(1, 2, n).broadcast_to((20, 2, n))
            out = node(given, b, dynamics, Slope("atan", 2.0), steps=20, held=held, recompute=recompute)
            assert out.spikes.shape == (20, 2, n)
            ((out.spikes * grilly_vk.tensor(cs)).sum() + out.v.sum()).backward()
            got.append([t.numpy() for t in (out.spikes, out.v, a.grad, b.grad)])
        for one, two in zip(*got):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)


def test_few_dispatches():
    """A product and a run of all steps a layer, the mean over time, and the read-out."""
    model = SNN.build(input_size=8, hidden_sizes=[8, 8], output_size=4)
    x = grilly_vk.tensor(np.ones((2, 8), np.float32))
    model(x)
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["dispatches"]
    with grilly_vk.no_grad():
        model(x)
    grilly_vk.synchronize()
    assert grilly_vk.memory_stats()["dispatches"] - before <= 7


def test_lif_neuron():
    rng = np.random.default_rng(2)
    v, current = (rng.normal(0.8, 0.5, (3, 4)).astype(np.float32) for _ in range(2))
    a, b = grilly_vk.tensor(v, requires_grad=True), grilly_vk.tensor(current, requires_grad=True)
    new, spikes = SNN.lif_neuron(a, b, 0.6, 1.0)
    h = 0.6 * v.astype(np.float64) + current
    s = (h > 1).astype(np.float64)
    np.testing.assert_array_equal(spikes.numpy(), s)
    np.testing.assert_allclose(new.numpy(), h * (1 - s), rtol=1e-6, atol=1e-7)
    cv, cs = (rng.normal(size=h.shape).astype(np.float32) for _ in range(2))
    ((new * grilly_vk.tensor(cv)).sum() + (spikes * grilly_vk.tensor(cs)).sum()).backward()
    gh = cv * (1 - s) + (cs - cv * h) * slope(h - 1)
    np.testing.assert_allclose(b.grad.numpy(), gh, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(a.grad.numpy(), 0.6 * gh, rtol=1e-4, atol=1e-4)
    assert 0 < s.mean() < 1


def test_rate_decode_and_surrogate_gradient():
    rng = np.random.default_rng(3)
    train = (rng.random((2, 25, 5)) < 0.3).astype(np.float32)
    np.testing.assert_allclose(SNN.rate_decode(train).numpy(), train.mean(1), rtol=1e-6)
    z = np.linspace(-2, 2, 41).astype(np.float32)
    for k in (25.0, 3.0):
        x = grilly_vk.tensor(z, requires_grad=True)
        out = SNN.surrogate_gradient(x, k)
        np.testing.assert_array_equal(out.numpy(), z > 0)
        out.sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), slope(z.astype(np.float64), k), rtol=1e-5)


def test_fast_sigmoid_of_a_height():
    """Derivative against the primitive's difference quotient; the default is what it was."""
    s = nn.FastSigmoid(4.0, height=3.0)
    z = np.array([-1.3, -0.2, 0.1, 0.9], np.float64)
    up, down = (s.primitive((z + d).astype(np.float32)).numpy().astype(np.float64) for d in (1e-3, -1e-3))
    np.testing.assert_allclose(s.derivative(z.astype(np.float32)).numpy(), (up - down) / 2e-3, rtol=2e-3)
    np.testing.assert_allclose(s.derivative(z.astype(np.float32)).numpy(), 3 / (1 + 4 * np.abs(z)) ** 2, rtol=1e-5)
    assert repr(s) == "FastSigmoid(alpha=4, height=3)" and repr(nn.FastSigmoid()) == "FastSigmoid(alpha=2)"
    assert s != nn.FastSigmoid(4.0)


def train(model, steps, compiled):
    rng = np.random.default_rng(4)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    centers = rng.random((3, 7)) * 3

    step = training_step(model, optimizer, F.cross_entropy)

    run = grilly_vk.compile(step) if compiled else step
    losses = []
    for _ in range(steps):
        y = rng.integers(0, 3, 32).astype(np.int32)
        losses.append(run((centers[y] + rng.normal(0, 0.2, (32, 7))).astype(np.float32), y).item())
    return losses


def test_it_trains_compiled_as_eager():
    eager, compiled = (train(make(hidden_sizes=[24, 16]), 60, c) for c in (False, True))
    assert eager == compiled
    assert np.mean(compiled[-5:]) < 0.5 < 0.9 < compiled[0]


def test_saved_and_loaded(tmp_path):
    model, other = make(), SNN.build(input_size=7, hidden_sizes=[9, 6], output_size=3, num_timesteps=11)
    x = np.random.default_rng(5).random((4, 7)).astype(np.float32) * 3
    want = model(x).numpy()
    grilly_vk.save(tmp_path / "snn.safetensors", model.state_dict())
    other.load_state_dict(grilly_vk.load(tmp_path / "snn.safetensors"))
    np.testing.assert_array_equal(other(x).numpy(), want)
    np.testing.assert_array_equal(copy.deepcopy(model)(x).numpy(), want)
    np.testing.assert_array_equal(model(x).numpy(), want)  # no state from call to call
    assert not (want == want[0]).all()


def test_a_changed_setting_is_recorded_again():
    model = make()
    x = np.ones((2, 7), np.float32) * 3
    run = grilly_vk.compile(lambda x: model(x))
    run(x)
    model.threshold = 0.5
    np.testing.assert_array_equal(run(x).numpy(), model(x).numpy())
    assert run.captures == 2


def test_a_sequence_of_inputs():
    """In a container every step is an input of its own."""
    model, x = make(), np.random.default_rng(6).random((3, 4, 7)).astype(np.float32) * 3
    got = nn.MultiStepContainer(model)(x).numpy()
    np.testing.assert_allclose(got, [model(now).numpy() for now in x], rtol=1e-6)


def test_no_growth():
    model, x = make(), grilly_vk.tensor(np.ones((2, 7), np.float32))

    run = grilly_vk.compile(lambda x: model(x))
    run(x)
    held = settled()
    for _ in range(2000):
        run(x)
    assert settled() == held


def test_bad_arguments():
    good = {"input_size": 4, "output_size": 2}
    for options, error, text in [
        ({"input_size": 0}, ValueError, "input_size must be at least 1"),
        ({"output_size": 2.0}, TypeError, "output_size must be a whole number"),
        ({"hidden_sizes": []}, ValueError, "hidden_sizes must list the size of at least one layer"),
        ({"hidden_sizes": 8}, ValueError, "hidden_sizes must list the size of at least one layer, got 8"),
        ({"hidden_sizes": [8, -1]}, ValueError, r"hidden_sizes\[1\] must be at least 1"),
        ({"num_timesteps": 0}, ValueError, "num_timesteps must be at least 1"),
        ({"tau": 0.0}, ValueError, "tau must be positive"),
        ({"threshold": -1.0}, ValueError, "threshold must be positive"),
        ({"slope": "steep"}, TypeError, "slope must be a number"),
    ]:
        with pytest.raises(error, match=text):
            SNN.build(**(good | options))
    with pytest.raises(TypeError, match="output_size"):
        SNN.build(input_size=4)
    model = SNN.build(**good)
    for call, error, text in [
        (lambda: model(np.ones((2, 5))), ValueError, r"x has shape \(2, 5\); expected \(batch, 4\)"),
        (lambda: model(np.ones(4)), ValueError, r"x has shape \(4,\); expected \(batch, 4\)"),
        (lambda: model(["a"]), TypeError, "x must be a Tensor, or hold real numbers"),
        (lambda: SNN.lif_neuron(np.ones(2), np.ones(3), 0.5, 1.0), ValueError, r"input_current has shape \(3,\)"),
        (
            lambda: SNN.rate_decode(np.ones((2, 3))),
            ValueError,
            r"spike_train has shape \(2, 3\); expected \(batch, num",
        ),
        (lambda: SNN.surrogate_gradient(np.ones(2), 0.0), ValueError, "slope must be positive"),
    ]:
        with pytest.raises(error, match=text):
            call()
