"""Synapse modules: float64 references forward and backward, constants, state, bad input."""

import copy
import gc
import math
import os

import numpy as np
import pytest
import synapse_models as model

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim

T, B, N = 9, 2, 4
MODULES = {
    "filter": (nn.SynapseFilter, {"tau_syn": 3.0}),
    "dual": (nn.DualTimescaleSynapse, {"tau_fast": 2.0, "tau_slow": 12.0, "w_fast": 0.8, "w_slow": -0.3}),
    "stp": (nn.STPSynapse, {"tau_d": 15.0, "tau_f": 6.0, "U": 0.3}),
}
CALLS = 200 if os.environ.get("GRILLY_VK_DEBUG") else 2000


def make(kind, **more):
    cls, constants = MODULES[kind]
    return cls(**constants, **more)


def reference(kind, x, constants, states=None):
    """[y, *last states] in float64."""
    c = constants
    if kind == "filter":
        return model.synapse_filter(x, *(states or [0.0]), c["tau_syn"])
    if kind == "dual":
        return model.dual_timescale(x, *(states or [0.0, 0.0]), c["tau_fast"], c["tau_slow"], c["w_fast"], c["w_slow"])
    return model.stp(x, *(states or [c["U"], 1.0]), c["tau_d"], c["tau_f"], c["U"])


def spikes(shape=(T, B, N), seed=0, p=0.4):
    rng = np.random.default_rng(seed)
    return ((rng.random(shape) < p) * rng.uniform(0.5, 1.5, shape)).astype(np.float32)


def cotangents(kind, shape, seed=5):
    """Of the output and of the states after it."""
    rng = np.random.default_rng(seed)
    states = {"filter": 1, "dual": 2, "stp": 2}[kind]
    return [rng.standard_normal(s).astype(np.float32) for s in (shape, *[shape[1:]] * states)]


def states_of(module):
    return list(module.memories().values())


def decay_constants(logits):
    """Constants behind the parameters of the modules, by the formulas in their docstrings."""
    out = {}
    for name, value in logits.items():
        inner = name.removesuffix("_logit")
        if inner == name:
            out[name] = value
        else:
            share = 1 / (1 + np.exp(-value))
            out[inner] = share if inner == "U" else -1 / np.log(share)
    return out


def differences(value, at, step=1e-6):
    """Central differences with respect to every number of a dictionary of float64 arrays."""
    out = {}
    for name, array in at.items():
        out[name] = np.zeros(array.shape)
        for i in np.ndindex(*array.shape):
            moved = {k: v.copy() for k, v in at.items()}
            moved[name][i] += step
            above = value(moved)
            moved[name][i] -= 2 * step
            out[name][i] = (above - value(moved)) / (2 * step)
    return out


def run_all(module, x):
    module.step_mode = "m"
    return module(x)


def run_single(module, x):
    return grilly_vk.stack([module(x[t]) for t in range(x.shape[0])])


def run_twice(module, x):
    module.step_mode = "m"
    return grilly_vk.cat([module(x[:4]), module(x[4:])])


# ---- forward and backward ----


@pytest.mark.parametrize("run", [run_all, run_single, run_twice], ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", MODULES)
def test_outputs_and_all_gradients(kind, run):
    """Outputs, last states, gradients of x (where it spikes) and of every parameter, against float64 differences."""
    module = make(kind, learnable=True)
    x = spikes()
    t = grilly_vk.tensor(x, requires_grad=True)
    cs = cotangents(kind, x.shape)
    y = run(module, t)
    loss = sum((a * grilly_vk.tensor(c)).sum() for a, c in zip([y, *states_of(module)], cs))
    loss.backward()
    parameters = {n: p.numpy().astype(np.float64) for n, p in module.named_parameters()}

    def outputs(at):
        return reference(kind, at["x"], decay_constants({n: at[n] for n in parameters}))

    def value(at):
        return sum((a * c).sum() for a, c in zip(outputs(at), cs))

    at = {"x": x.astype(np.float64), **parameters}
    for got, want in zip([y, *states_of(module)], outputs(at)):
        np.testing.assert_allclose(got.numpy(), want, rtol=2e-5, atol=2e-6)
    want = differences(value, at)
    if kind == "stp":  # whether there is a spike has no gradient
        want["x"] = np.where(x != 0, want["x"], 0)
    np.testing.assert_allclose(t.grad.numpy(), want["x"], rtol=1e-4, atol=1e-5)
    for name, p in module.named_parameters():
        np.testing.assert_allclose(p.grad.numpy(), want[name], rtol=1e-4, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("kind", MODULES)
def test_a_given_state_gets_a_gradient(kind):
    """A state that is set to a tensor, or to a number."""
    x, rng = spikes(), np.random.default_rng(2)
    module = make(kind, step_mode="m")
    names = list(module.memories())
    starts = [rng.uniform(0.2, 0.8, (B, N)).astype(np.float32) for _ in names]
    tensors = [grilly_vk.tensor(s, requires_grad=True) for s in starts]
    for name, t in zip(names, tensors):
        setattr(module, name, t)
    cs = cotangents(kind, x.shape)
    outs = [module(x), *states_of(module)]
    sum((a * grilly_vk.tensor(c)).sum() for a, c in zip(outs, cs)).backward()
    constants = MODULES[kind][1]

    def value(at):
        return sum((a * c).sum() for a, c in zip(reference(kind, x, constants, [at[n] for n in names]), cs))

    want = differences(value, {n: s.astype(np.float64) for n, s in zip(names, starts)})
    for name, t in zip(names, tensors):
        np.testing.assert_allclose(t.grad.numpy(), want[name], rtol=1e-4, atol=1e-5, err_msg=name)

    F.reset_net(module)
    setattr(module, names[0], 0.25)
    rest = {"filter": [], "dual": [0.0], "stp": [1.0]}[kind]
    y = reference(kind, x, constants, [np.full((B, N), 0.25), *rest])[0]
    np.testing.assert_allclose(module(x).numpy(), y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1), (4, 7, 9), (5, 2, 3, 2), (6,)], ids=str)
def test_shapes(kind, shape):
    """One step, one neuron, odd sizes, images, no batch; single steps have the same bits."""
    x = spikes(shape, seed=3)
    whole = make(kind, step_mode="m")
    y = whole(x).numpy()
    np.testing.assert_allclose(y, reference(kind, x, MODULES[kind][1])[0], rtol=1e-5, atol=1e-6)
    steps = make(kind, step_mode="s")
    np.testing.assert_array_equal(run_single(steps, grilly_vk.tensor(x)).numpy(), y)
    for a, b in zip(states_of(steps), states_of(whole)):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("kind", MODULES)
def test_long_runs_are_cut(kind, monkeypatch):
    """Pieces, forward and back, give the bits of one dispatch, but for sums over them."""
    x, found = spikes((50, 3, 4)), []
    for pieces in (False, True):
        if pieces:
            engine = type(grilly_vk.tensor(x).engine)
            monkeypatch.setattr(engine, "steps_per_submit", lambda self, work: 4)
        module, t = make(kind, learnable=True, step_mode="m"), grilly_vk.tensor(x, requires_grad=True)
        y = module(t)
        ((y * y).sum() + states_of(module)[0].sum()).backward()
        found.append([y.numpy(), t.grad.numpy(), *(p.grad.numpy() for p in module.parameters())])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=2e-6)
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("kind", MODULES)
def test_large_layers_go_in_blocks(kind):
    """Enough elements that a CPU walks over them in blocks of steps."""
    x = spikes((20, 17_000), seed=4)
    module, t = make(kind, learnable=True, step_mode="m"), grilly_vk.tensor(x, requires_grad=True)
    y = module(t)
    y.sum().backward()
    small = make(kind, learnable=True, step_mode="m")
    for some in np.split(x, 10, 1):  # too few for blocks each
        u = grilly_vk.tensor(some.copy(), requires_grad=True)
        F.reset_net(small)
        small(u).sum().backward()
    np.testing.assert_array_equal(t.grad.numpy()[:, -1700:], u.grad.numpy())
    for whole, parts in zip(module.parameters(), small.parameters()):
        np.testing.assert_allclose(whole.grad.numpy(), parts.grad.numpy(), rtol=1e-4)
    np.testing.assert_allclose(y.numpy(), reference(kind, x, MODULES[kind][1])[0], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("kind", MODULES)
def test_no_steps_leave_the_state(kind):
    module = make(kind, step_mode="m")
    assert module(np.zeros((0, B, N), np.float32)).shape == (0, B, N)
    assert module.memories() == make(kind).memories()
    module(spikes())
    before = states_of(module)
    module(np.zeros((0, B, N), np.float32))
    assert all(a is b for a, b in zip(before, states_of(module)))


def test_only_the_last_state_is_used():
    """A loss of the state alone: the outputs have no gradient."""
    for kind in MODULES:
        module, x = make(kind, learnable=True, step_mode="m"), spikes()
        t = grilly_vk.tensor(x, requires_grad=True)
        module(t)
        states_of(module)[0].sum().backward()

        def value(at, kind=kind):
            return reference(kind, at["x"], MODULES[kind][1])[1].sum()

        want = differences(value, {"x": x.astype(np.float64)})["x"]
        want = np.zeros(x.shape) if kind == "stp" else want  # u depends on whether there are spikes, not on their size
        np.testing.assert_allclose(t.grad.numpy(), want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", MODULES)
def test_nothing_but_what_is_needed_is_kept(kind):
    """A fixed filter keeps nothing for its backward pass; the results alone take memory."""
    x = grilly_vk.tensor(spikes((40, 32, 64)), requires_grad=True)
    module = make(kind, step_mode="m")
    grilly_vk.synchronize()
    gc.collect()
    before = grilly_vk.memory_stats()["bytes_in_use"]
    y = module(x)
    kept = grilly_vk.memory_stats()["bytes_in_use"] - before
    states = len(module.memories()) * x.nbytes // 40
    assert kept == y.nbytes + states + (2 * x.nbytes if kind == "stp" else 0)


def test_nothing_is_kept_for_constants_in_memory_that_do_not_train():
    x = grilly_vk.tensor(spikes((40, 32, 64)), requires_grad=True)
    constants = [grilly_vk.tensor(np.float32(c)) for c in (5.0, 50.0, 0.7, 0.3)]
    grilly_vk.synchronize()
    gc.collect()
    before = grilly_vk.memory_stats()["bytes_in_use"]
    results = F.dual_timescale(x, None, None, *constants)
    kept = grilly_vk.memory_stats()["bytes_in_use"] - before
    assert kept < sum(t.nbytes for t in results) + 8192  # the factors of a step are some blocks of 256 bytes


# ---- constants ----


@pytest.mark.parametrize("tau", [0.01, 0.3, 1.0, 5.0, 800.0, 1e5])
def test_learnable_time_constants_are_read_and_set(tau):
    """exp(-1 / tau) = sigmoid(logit); the logit is float32, so 1 - exp(-1 / tau) has 7 digits at most."""
    module = nn.SynapseFilter(tau, learnable=True)
    assert module.tau_syn == pytest.approx(tau, rel=1e-5)
    logit = module.tau_syn_logit.item()
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(math.exp(-1 / tau), rel=1e-4, abs=1e-12)
    module.tau_syn = 2 * tau
    assert module.tau_syn == pytest.approx(2 * tau, rel=1e-5)
    assert [n for n, _ in module.named_parameters()] == ["tau_syn_logit"]


def test_constants_that_are_numbers():
    module = nn.STPSynapse()
    assert (module.tau_d, module.tau_f, module.U) == (200.0, 20.0, 0.2)
    assert not list(module.parameters())
    module.tau_d, module.U = 50.0, 0.5
    x = spikes((T, 1))
    F.set_step_mode(module, "m")
    np.testing.assert_allclose(module(x).numpy(), model.stp(x, 0.5, 1.0, 50.0, 20.0, 0.5)[0], rtol=1e-5)
    for wrong in (0, -1.0, math.nan, "a"):
        with pytest.raises((TypeError, ValueError), match="tau_d"):
            module.tau_d = wrong
    assert module.tau_d == 50.0


def test_learnable_constants_stay_valid():
    """Steps of any size: time constants stay above 0 and U between 0 and 1."""
    module = nn.STPSynapse(learnable=True, step_mode="m")
    optimizer = optim.SGD(module.parameters(), lr=50.0)
    for sign in (1.0, -1.0):
        for _ in range(5):
            F.reset_net(module)
            optimizer.zero_grad()
            (sign * module(spikes((T, 3)))).sum().backward()
            optimizer.step()
            F.reset_net(module)
            assert module.tau_d > 0 and module.tau_f > 0 and 0 <= module.U <= 1
            assert np.isfinite(module(spikes((T, 3))).numpy()).all()


def test_frozen_constants_need_no_state_over_time():
    module = nn.DualTimescaleSynapse(learnable=True, step_mode="m").requires_grad_(False)
    t = grilly_vk.tensor(spikes(), requires_grad=True)
    module(t).sum().backward()
    assert module.w_fast.grad is None
    want = nn.DualTimescaleSynapse(step_mode="m")
    u = grilly_vk.tensor(spikes(), requires_grad=True)
    want(u).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), u.grad.numpy(), rtol=1e-6)


# ---- life of a module ----


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("learnable", [False, True])
def test_state_dict_copies_and_reset(kind, learnable):
    x = spikes()
    module = make(kind, learnable=learnable, step_mode="m")
    y = module(x).numpy()
    twin = copy.deepcopy(module)
    np.testing.assert_array_equal(twin(x).numpy(), module(x).numpy())
    other = type(module)(learnable=learnable, step_mode="m")
    other.load_state_dict(module.state_dict())
    assert set(module.state_dict()) == {n for n, _ in module.named_parameters()}
    F.reset_net(module)
    np.testing.assert_array_equal(module(x).numpy(), y)
    if learnable:
        np.testing.assert_array_equal(other(x).numpy(), y)
    assert "learnable" in repr(module) or not learnable


@pytest.mark.parametrize("kind", MODULES)
def test_containers(kind):
    """In a Sequential of either step mode and in a MultiStepContainer: as one call per step."""
    x = spikes()
    grilly_vk.manual_seed(0)
    net = nn.Sequential(nn.Linear(N, 5), make(kind), nn.LIFNode(), nn.Linear(5, 3), make(kind))
    want = run_single(net, grilly_vk.tensor(x)).numpy()
    F.reset_net(net)
    np.testing.assert_allclose(nn.MultiStepContainer(net)(x).numpy(), want, rtol=1e-5, atol=1e-6)
    F.reset_net(net)
    F.set_step_mode(net, "m")
    np.testing.assert_allclose(net(x).numpy(), want, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="step mode"):
        nn.MultiStepContainer(make(kind, step_mode="m"))(x)


@pytest.mark.parametrize("kind", MODULES)
def test_compiled_is_eager(kind):
    """The same bits; a constant that was set again is recorded again."""
    rng = np.random.default_rng(3)
    xs = [grilly_vk.tensor((rng.random((T, B, N)) < 0.5).astype(np.float32)) for _ in range(3)]
    found = []
    for compiled in (False, True):
        module = make(kind, step_mode="m")
        name = next(iter(MODULES[kind][1]))

        def step(x, module=module):
            F.reset_net(module)
            return module(x)

        run = grilly_vk.compile(step) if compiled else step
        outs = [run(x).numpy() for x in xs]
        setattr(module, name, 1.5)
        found.append([*outs, run(xs[0]).numpy()])
    np.testing.assert_array_equal(found[0], found[1])


def test_state_may_not_cross_into_a_compiled_function():
    module = nn.SynapseFilter(step_mode="s")
    with pytest.raises(RuntimeError, match=r"the state of SynapseFilter would cross.*F.reset_net\(model\) inside"):
        grilly_vk.compile(lambda x: module(x))(spikes())


def test_truncated_backpropagation():
    module = nn.SynapseFilter(4.0, learnable=True)
    first, second = (grilly_vk.tensor(np.ones((1, 2), np.float32), requires_grad=True) for _ in range(2))
    module(first)
    F.detach_net(module)
    module(second).sum().backward()
    assert first.grad is None and second.grad is not None
    with pytest.raises(RuntimeError, match="backward\\(\\) has freed"):
        module(second)


def test_no_growth():
    """Training steps, eager and compiled: device memory stays what it is."""
    net = nn.Sequential(*(make(kind, learnable=True) for kind in MODULES), nn.DelaySynapse(5, 4, max_delay=3))
    F.set_step_mode(net, "m")
    optimizer = optim.SGD(net.parameters(), lr=1e-6)
    x = grilly_vk.tensor(spikes((3, 2, 5)), requires_grad=True)

    def step():
        F.reset_net(net)
        x.grad = None
        optimizer.zero_grad()
        loss = net(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    compiled = grilly_vk.compile(step)
    for run, count in ((step, CALLS // 5), (compiled, CALLS)):
        for _ in range(50):
            run().item()
        gc.collect()
        before = grilly_vk.memory_stats()
        for _ in range(count):
            run().item()
        after = grilly_vk.memory_stats()
        for name in ("bytes_in_use", "bytes_reserved", "segments"):
            assert after[name] <= before[name], name


def test_same_bits_twice():
    x, runs = spikes((30, 70, 33)), []
    for _ in range(2):
        module, t = nn.STPSynapse(learnable=True, step_mode="m"), grilly_vk.tensor(x, requires_grad=True)
        (module(t) * module(t)).sum().backward()
        runs.append([t.grad.numpy(), *(p.grad.numpy() for p in module.parameters())])
    for a, b in zip(*runs):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", MODULES)
def test_one_dispatch_each_way(kind):
    module, t = make(kind, step_mode="m"), grilly_vk.tensor(spikes((50, 4)), requires_grad=True)
    grilly_vk.synchronize()
    with grilly_vk.profile() as p:
        module(t).sum().backward()
        grilly_vk.synchronize()
    assert sorted(k.calls for k in p.kernels if k.kernel.startswith("snn-")) == [1, 1]


# ---- bad input ----


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.SynapseFilter(0), ValueError, "tau_syn must be positive, got 0"),
        (lambda: nn.SynapseFilter("a"), TypeError, "tau_syn must be a number, not str"),
        (lambda: nn.SynapseFilter(5.0, learnable=1), TypeError, "learnable must be True or False"),
        (lambda: nn.SynapseFilter(step_mode="x"), ValueError, "step_mode must be one of"),
        (lambda: nn.DualTimescaleSynapse(w_fast=np.inf), ValueError, "w_fast must be finite"),
        (lambda: nn.DualTimescaleSynapse(tau_slow=-2), ValueError, "tau_slow must be positive"),
        (lambda: nn.STPSynapse(U=1.1), ValueError, r"U must lie in \[0.0, 1.0\], got 1.1"),
        (lambda: nn.STPSynapse(U=0.0, learnable=True), ValueError, "U must lie between 0 and 1 to be learnable"),
        (lambda: nn.SynapseFilter()(np.ones(3, complex)), TypeError, "complex"),
        (lambda: nn.SynapseFilter(step_mode="m")(1.0), ValueError, r"expected \(T, B, ...\)"),
        (lambda: nn.Synapse(3), TypeError, "connection must be a Module, not int"),
        (lambda: nn.Synapse(nn.Linear(2, 2), 3), TypeError, "dynamics must be a Module, not int"),
        (lambda: nn.Synapse(nn.Linear(2, 2), delay=-1), ValueError, "delay must be at least 0"),
        (lambda: nn.RecurrentSynapse(nn.LIFNode(), 3), TypeError, "connection must be a Module, not int"),
        (lambda: nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(2, 3))(np.ones((1, 2))), ValueError, "connection made"),
        (lambda: nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(2, 2), nn.SynapseFilter(step_mode="m"))(np.ones((1, 2))),
         ValueError, "step mode"),
    ],
    ids=lambda a: "",
)  # fmt: skip
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("kind", MODULES)
def test_a_state_of_another_shape_is_an_error(kind):
    module = make(kind)
    module(np.ones((2, 3), np.float32))
    before = states_of(module)
    with pytest.raises(ValueError, match=r"one step of x has shape \(4, 3\).*F.reset_net"):
        module(np.ones((4, 3), np.float32))
    assert all(a is b for a, b in zip(before, states_of(module)))
    setattr(module, next(iter(module.memories())), "a")
    with pytest.raises(TypeError, match="must be a number or a Tensor, not str"):
        module(np.ones((2, 3), np.float32))
