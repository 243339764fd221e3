"""Delays: of every connection against brute force, state over calls, gradients, learning them, bad input."""

import copy

import numpy as np
import pytest
import synapse_models as model
from learning import training_step

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim


def inputs(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def built(ins, outs, most, learnable=False, bias=True, seed=0, step_mode="m"):
    """A module with delays over all of [0, most]; real ones away from whole steps."""
    rng = np.random.default_rng(seed)
    if learnable:
        delays = rng.integers(0, most, (outs, ins)) + rng.uniform(0.05, 0.95, (outs, ins))
    else:
        delays = rng.integers(0, most, (outs, ins), endpoint=True)
    grilly_vk.manual_seed(seed)
    return nn.DelaySynapse(ins, outs, delays, most, learnable, bias, step_mode)


def brute_force(module, x, history=None):
    """(y, history) in float64 for x (T, B, in)."""
    bias = None if module.bias is None else module.bias.numpy().astype(np.float64)
    weight, delay = module.weight.numpy().astype(np.float64), module.delay.numpy().astype(np.float64)
    return model.delayed_linear(x.astype(np.float64), weight, delay, bias, history, module.max_delay)


def single_steps(module, x):
    module.step_mode = "s"
    return grilly_vk.stack([module(x[t]) for t in range(x.shape[0])])


SIZES = [  # T, B, in, out, max_delay
    (1, 1, 1, 1, 0), (7, 1, 5, 3, 4), (20, 2, 6, 7, 9), (9, 3, 4, 4, 1), (16, 4, 8, 5, 20), (3, 9, 3, 2, 30),
    (5, 8, 3, 70, 6),
]  # fmt: skip


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_against_brute_force(size, learnable):
    """All steps at once, in two calls and one by one; odd sizes, one sample, delays longer than the run."""
    T, B, ins, outs, most = size
    if learnable and most == 0:
        most = 1
    module, x = built(ins, outs, most, learnable), inputs(T, B, ins)
    want, history = brute_force(module, x)
    scale = np.abs(want).max()
    y = module(x)
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-5, atol=1e-5 * scale)
    if most:
        np.testing.assert_array_equal(module.history.numpy(), history.astype(np.float32))
    F.reset_net(module)
    two = np.concatenate([module(x[: T // 2]).numpy(), module(x[T // 2 :]).numpy()])
    np.testing.assert_allclose(two, want, rtol=1e-5, atol=1e-5 * scale)
    F.reset_net(module)
    np.testing.assert_array_equal(single_steps(module, grilly_vk.tensor(x)).numpy(), y.numpy())


@pytest.mark.parametrize("run", ["all", "single", "two"])
@pytest.mark.parametrize("learnable", [False, True])
def test_all_gradients(learnable, run):
    """x, history, weight, bias and delay against float64 differences; state carried over by the tape."""
    T, B, ins, outs, most = 6, 3, 4, 3, 4
    module, x, past = built(ins, outs, most, learnable), inputs(T, B, ins), inputs(most, B, ins, seed=1)
    given, history = (grilly_vk.tensor(a, requires_grad=True) for a in (x, past))
    cy, ch = inputs(T, B, outs, seed=2), inputs(most, B, ins, seed=3)
    module.history = history
    if run == "all":
        y = module(given)
    elif run == "single":
        y = single_steps(module, given)
    else:
        y = grilly_vk.cat([module(given[:2]), module(given[2:])])
    ((y * grilly_vk.tensor(cy)).sum() + (module.history * grilly_vk.tensor(ch)).sum()).backward()

    at = {"x": x, "history": past, **{n: p.numpy() for n, p in module.named_parameters()}}
    at = {n: a.astype(np.float64) for n, a in at.items()}
    delay = module.delay.numpy().astype(np.float64)

    def value(at):
        y, after = model.delayed_linear(at["x"], at["weight"], at.get("delay", delay), at["bias"], at["history"], most)
        return (y * cy).sum() + (after * ch).sum()

    got = {"x": given.grad, "history": history.grad, **{n: p.grad for n, p in module.named_parameters()}}
    assert set(got) == {"x", "history", "weight", "bias"} | ({"delay"} if learnable else set())
    for name, array in at.items():
        want = np.zeros(array.shape)
        for i in np.ndindex(*array.shape):
            moved = {k: v.copy() for k, v in at.items()}
            moved[name][i] += 1e-6
            above = value(moved)
            moved[name][i] -= 2e-6
            want[i] = (above - value(moved)) / 2e-6
        np.testing.assert_allclose(got[name].numpy(), want, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("T", "B", "ins", "outs"), [(40, 5, 33, 17), (64, 1, 9, 70)])
def test_larger_sizes_and_stretches(T, B, ins, outs, monkeypatch):
    """Weight gradients summed in stretches of steps, and runs cut into pieces, against float64."""
    most = 11
    module, x, c = built(ins, outs, most, learnable=True), inputs(T, B, ins), inputs(T, B, outs, seed=1)
    found = []
    for pieces in (False, True):
        if pieces:
            engine = type(module.weight.engine)
            monkeypatch.setattr(engine, "steps_per_submit", lambda self, work: 2)
        F.reset_net(module)
        module.zero_grad()
        t = grilly_vk.tensor(x, requires_grad=True)
        y = module(t)
        (y * grilly_vk.tensor(c)).sum().backward()
        found.append([y.numpy(), t.grad.numpy(), *(p.grad.numpy() for p in module.parameters())])
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)
    delay, weight = module.delay.numpy().astype(np.float64), module.weight.numpy()
    k = np.floor(delay).astype(int)
    whole = np.concatenate([np.zeros((most + 1, B, ins)), x])
    steps = np.arange(T)[:, None, None] + most + 1
    late = whole[steps - k, :, np.arange(ins)]  # (T, out, in, B)
    early = whole[steps - k - 1, :, np.arange(ins)]
    mixed = late + (delay - k)[None, :, :, None] * (early - late)
    np.testing.assert_allclose(found[0][0], np.einsum("toib,oi->tbo", mixed, weight) + module.bias.numpy(), atol=1e-4)
    by_name = dict(zip([n for n, _ in module.named_parameters()], found[0][2:]))
    np.testing.assert_allclose(by_name["weight"], np.einsum("tbo,toib->oi", c, mixed), rtol=1e-4, atol=1e-4)
    want = weight * np.einsum("tbo,toib->oi", c, early - late)
    np.testing.assert_allclose(by_name["delay"], want, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(by_name["bias"], c.sum((0, 1)), rtol=1e-4, atol=1e-4)


def test_no_delays_are_a_linear_layer():
    module, x = nn.DelaySynapse(5, 3, delays=0, step_mode="m"), inputs(6, 2, 5)
    linear = nn.Linear(5, 3)
    linear.load_state_dict({"weight": module.weight, "bias": module.bias})
    np.testing.assert_allclose(module(x).numpy(), linear(x).numpy(), rtol=1e-5, atol=1e-6)
    assert module.max_delay == 0 and module.history is None


def test_delays_of_spikes_in_and_out():
    """A single spike comes out of each connection after its own delay."""
    module = nn.DelaySynapse(1, 6, np.arange(6)[:, None], bias=False, step_mode="m")
    x = np.zeros((8, 1, 1), np.float32)
    x[1] = 1
    y = module(x).numpy()[:, 0]
    np.testing.assert_array_equal(
        y.argmax(0) if (module.weight.numpy() > 0).all() else abs(y).argmax(0), np.arange(6) + 1
    )


def test_learnable_delays_that_start_at_none():
    """They keep one step, so that there is one to mix with; the gradient is that of the step before."""
    module = nn.DelaySynapse(3, 2, 0, learnable=True, bias=False, step_mode="m")
    assert module.max_delay == 1
    x = inputs(5, 2, 3)
    y = module(x)
    w = module.weight.numpy().astype(np.float64)
    np.testing.assert_allclose(y.numpy(), x @ w.T, rtol=1e-5, atol=1e-6)
    y.sum().backward()
    late = np.concatenate([np.zeros((1, 2, 3)), x[:-1]])
    wanted = w * (late - x).sum((0, 1))
    np.testing.assert_allclose(module.delay.grad.numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_shapes_of_x():
    """No batch, and several batch axes."""
    module = built(4, 3, 2)
    x = inputs(5, 2, 3, 4)
    y = module(x).numpy()
    assert y.shape == (5, 2, 3, 3) and module.history.shape == (2, 2, 3, 4)
    F.reset_net(module)
    np.testing.assert_allclose(module(x[:, 0, 0]).numpy(), y[:, 0, 0], rtol=1e-6)
    assert module(np.zeros((0, 4), np.float32)).shape == (0, 3)
    module.step_mode = "s"
    assert module(x[0, 0, 0]).shape == (3,)


def test_a_delay_outside_is_the_nearest_inside_and_comes_back():
    """Used at the border; its gradient is that there, but only where it leads back."""
    x = np.arange(8, dtype=np.float32).reshape(8, 1, 1)  # x[t - k - 1] - x[t - k] is -1 within
    for value, used in ((-0.5, 0.0), (5.5, 3.0), (3.0, 3.0), (0.0, 0.0)):
        module = nn.DelaySynapse(1, 1, 1.0, 3, learnable=True, bias=False, step_mode="m")
        module.load_state_dict({"weight": np.ones((1, 1)), "delay": np.full((1, 1), value)})
        y = module(x)
        np.testing.assert_allclose(y.numpy()[4:, 0, 0], x[4:, 0, 0] - used, rtol=1e-6)
        y[4:].sum().backward()
        slope = -4.0  # more delay, less output: a step against the gradient makes the delay longer
        want = 0.0 if value > 3.0 else slope
        assert module.delay.grad.item() == want
        module.delay.grad = None
        F.reset_net(module)
        (-module(x)[4:].sum()).backward()
        assert module.delay.grad.item() == (0.0 if value < 0.0 else -slope)


def test_the_longest_delay_reads_nothing_older():
    """A real delay of max_delay has its two steps inside: what memory held before, NaN here, stays out."""
    module, x = nn.DelaySynapse(3, 2, 3.0, 3, learnable=True, step_mode="m"), inputs(8, 4, 3)
    module(x)
    dirty = [grilly_vk.tensor(np.full((3, rows, 4), np.nan, np.float32)) for rows in range(4, 20)]
    grilly_vk.synchronize()
    del dirty
    y = module(x)
    y.sum().backward()
    want, _ = brute_force(module, np.concatenate([x, x]))
    np.testing.assert_allclose(y.numpy(), want[8:], rtol=1e-5, atol=1e-6)
    assert all(np.isfinite(p.grad.numpy()).all() for p in module.parameters())


def test_loaded_delays_beyond_the_longest_read_nothing_else():
    module = nn.DelaySynapse(2, 2, 1, 2, step_mode="m")
    state = module.state_dict() | {"delay": np.array([[7, 1], [-3, 0]], np.int32)}
    module.load_state_dict(state)
    x = inputs(6, 1, 2)
    want, _ = brute_force(module, x)
    got = module(x).numpy()
    np.testing.assert_allclose(got[:, :, 0], want[:, :, 0], rtol=1e-5, atol=1e-6)
    assert np.isfinite(got).all()


@pytest.mark.parametrize("learnable", [False, True])
def test_life_of_a_module(learnable):
    x = inputs(6, 3, 4)
    module = built(4, 5, 3, learnable)
    y = module(x).numpy()
    assert set(module.state_dict()) == {"weight", "bias", "delay"}
    assert {n for n, _ in module.named_parameters()} == {"weight", "bias"} | ({"delay"} if learnable else set())
    twin = copy.deepcopy(module)
    np.testing.assert_array_equal(twin(x).numpy(), module(x).numpy())
    other = nn.DelaySynapse(4, 5, max_delay=3, learnable=learnable, step_mode="m")
    other.load_state_dict(module.state_dict())
    np.testing.assert_array_equal(other(x).numpy(), y)
    F.reset_net(module)
    np.testing.assert_array_equal(module(x).numpy(), y)
    assert "max_delay=3" in repr(module)


def test_containers():
    x = inputs(7, 3, 4)
    net = nn.Sequential(built(4, 5, 3, step_mode="s"), nn.LIFNode(), nn.Delay(2), built(5, 2, 4, step_mode="s"))
    want = grilly_vk.stack([net(x[t]) for t in range(7)]).numpy()
    F.reset_net(net)
    np.testing.assert_allclose(nn.MultiStepContainer(net)(x).numpy(), want, rtol=1e-5, atol=1e-6)
    F.reset_net(net)
    F.set_step_mode(net, "m")
    np.testing.assert_allclose(net(x).numpy(), want, rtol=1e-5, atol=1e-6)


def test_compiled_is_eager():
    """Forward, backward and update with learnable delays, as one graph: the same bits."""
    xs, losses = inputs(4, 8, 3, 5), []
    for compiled in (False, True):
        module = built(5, 2, 3, learnable=True)
        optimizer = optim.Adam(module.parameters(), lr=0.05)

        step = training_step(module, optimizer, lambda out: (out**2).mean())

        run = grilly_vk.compile(step) if compiled else step
        losses.append([run(x).item() for x in xs])
    assert losses[0] == losses[1] and losses[0][0] != losses[0][-1]


def test_same_bits_twice():
    runs = []
    for _ in range(2):
        module, t = built(33, 21, 6, learnable=True), grilly_vk.tensor(inputs(30, 5, 33), requires_grad=True)
        (module(t) ** 2).sum().backward()
        runs.append([t.grad.numpy(), *(p.grad.numpy() for p in module.parameters())])
    for a, b in zip(*runs):
        np.testing.assert_array_equal(a, b)


def test_all_steps_are_one_dispatch():
    module = built(6, 5, 3)
    grilly_vk.synchronize()
    with grilly_vk.no_grad(), grilly_vk.profile() as p:
        module(inputs(50, 4, 6)).numpy()
    assert sum(k.calls for k in p.kernels if k.kernel.startswith("snn-delay")) == 1


def test_delays_are_recovered_from_data():
    """Weights known, delays not: smooth inputs, so that the gradient points the way from afar."""
    rng = np.random.default_rng(3)
    T, B, ins, outs, most = 60, 8, 3, 2, 12
    kernel = np.exp(-0.5 * ((np.arange(31) - 15) / 4) ** 2)
    noise = rng.standard_normal((T + 30, B, ins))
    x = np.stack([np.tensordot(kernel, noise[t : t + 31], 1) for t in range(T)]).astype(np.float32)
    true = rng.uniform(1, most - 1, (outs, ins))
    module = nn.DelaySynapse(ins, outs, 6.0, most, learnable=True, bias=False, step_mode="m")
    weight = rng.uniform(0.5, 1.5, (outs, ins))
    module.load_state_dict({"weight": weight, "delay": np.full((outs, ins), 6.0)})
    wanted = grilly_vk.tensor(model.delayed_linear(x, weight, true, max_delay=most)[0].astype(np.float32))
    module.weight.requires_grad_(False)
    optimizer = optim.Adam([module.delay], lr=0.1)

    step = grilly_vk.compile(training_step(module, optimizer, lambda out, y: F.mse_loss(out[most:], y[most:])))

    first = last = None
    for _ in range(300):
        last = step(grilly_vk.tensor(x), wanted).item()
        first = first or last
    assert last < 1e-3 * first
    np.testing.assert_allclose(module.delay.numpy(), true, atol=0.1)


# ---- one delay for all ----


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("delay", [0, 1, 3, 9])
def test_delay_of_all_inputs(delay, mode):
    x = inputs(6, 2, 3)
    module = nn.Delay(delay, step_mode=mode)
    t = grilly_vk.tensor(x, requires_grad=True)
    y = module(t) if mode == "m" else single_steps(module, t)
    want = np.concatenate([np.zeros((delay, 2, 3), np.float32), x])
    np.testing.assert_array_equal(y.numpy(), want[:6])
    assert module(grilly_vk.tensor(x[0] if mode == "s" else x).as_spikes()).is_spikes  # for what goes by events
    F.reset_net(module)
    assert not (module(x) if mode == "m" else single_steps(module, t)).is_spikes
    if delay:
        np.testing.assert_array_equal(module.history.numpy(), want[6:])
    y.sum().backward()
    np.testing.assert_array_equal(t.grad.numpy()[:, 0, 0], [t + delay < 6 for t in range(6)])


# ---- bad input ----


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.DelaySynapse(2, 3), ValueError, "delays or max_delay must be given"),
        (lambda: nn.DelaySynapse(2, 3, np.ones((2, 3))), ValueError, r"delays has shape \(2, 3\); expected \(\), or"),
        (lambda: nn.DelaySynapse(2, 3, -1), ValueError, "not negative, got -1"),
        (lambda: nn.DelaySynapse(2, 3, 1.5), ValueError, "must be whole steps, got 1.5; learnable=True"),
        (lambda: nn.DelaySynapse(2, 3, np.nan), ValueError, "must be finite"),
        (lambda: nn.DelaySynapse(2, 3, 5, 4), ValueError, "delays go up to 5; max_delay is 4"),
        (lambda: nn.DelaySynapse(2, 3, "a"), TypeError, "delays must hold real numbers"),
        (lambda: nn.DelaySynapse(2, 3, max_delay=0, learnable=True), ValueError, "max_delay must be at least 1"),
        (lambda: nn.DelaySynapse(0, 3, 1), ValueError, "in_features must be at least 1"),
        (lambda: nn.DelaySynapse(2, 3, 1, bias=1), TypeError, "bias must be True or False"),
        (lambda: nn.DelaySynapse(2, 3, 1)(np.ones((4, 3))), ValueError, r"x has shape \(4, 3\); expected \(..., 2\)"),
        (lambda: nn.DelaySynapse(2, 3, 1, step_mode="m")(1.0), ValueError, r"expected \(T, B, ...\)"),
        (lambda: nn.Delay(-1), ValueError, "delay must be at least 0"),
        (lambda: nn.Delay(1.5), TypeError, "delay must be a whole number"),
    ],
    ids=lambda a: "",
)
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_history_of_another_shape_is_an_error():
    module = built(4, 3, 2)
    module(inputs(3, 2, 4))
    before = module.history
    with pytest.raises(ValueError, match=r"one step of x has shape \(5, 4\), but the state history.*\(2, 4\)"):
        module(inputs(3, 5, 4))
    assert module.history is before


def test_drawn_delays():
    """Over all of 0..max_delay, by the seed, whole unless learnable."""
    grilly_vk.manual_seed(0)
    a = nn.DelaySynapse(40, 30, max_delay=5).delay.numpy()
    b = nn.DelaySynapse(40, 30, max_delay=5).delay.numpy()
    grilly_vk.manual_seed(0)
    np.testing.assert_array_equal(nn.DelaySynapse(40, 30, max_delay=5).delay.numpy(), a)
    assert (a != b).any() and set(a.ravel()) == {0, 1, 2, 3, 4, 5} and a.dtype == np.int32
    real = nn.DelaySynapse(40, 30, max_delay=5, learnable=True).delay.numpy()
    assert 0 <= real.min() < 0.1 and 4.9 < real.max() <= 5 and abs(real.mean() - 2.5) < 0.2
