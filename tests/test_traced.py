"""Trace neurons against float64: 200 steps of state and spikes; refractory time, replaced methods, bad input."""

import copy
import gc
import itertools

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nn import traced

LINEAR = {"tau_v": 0.8, "tau_t": 0.9, "tau_thresh": 0.95}
EXPONENTIAL = {"tau_v": 6.0, "tau_t": 9.0, "tau_thresh": 30.0}
KINDS = ["if", "lif", "adaptive", "fede"]


def make(kind, shape, how="linear", refrac=1.0, dt=0.5, thresh=1.0, cls=None, **more):
    """A neuron of a kind with numbers that make it fire now and then."""
    taus = LINEAR if how == "linear" and kind != "fede" else EXPONENTIAL
    common = dict(
        thresh=thresh, v_rest=0.1, alpha_v=1.5 if how == "exponential" and kind != "if" else 0.4, alpha_t=1.3, dt=dt,
        duration_refrac=refrac, tau_t=taus["tau_t"], **more,
    )  # fmt: skip
    if kind != "if":
        common["tau_v"] = taus["tau_v"]
    if kind == "adaptive":
        common |= {"alpha_thresh": 0.3 if how == "linear" else 5.0, "tau_thresh": taus["tau_thresh"]}
    if kind != "fede":
        common["update_type"] = how
    names = {"if": "IFNeuron", "lif": "LIFNeuron", "adaptive": "AdaptiveLIFNeuron", "fede": "FedeNeuron"}
    return (cls or getattr(traced, names[kind]))(shape, **common)


def reference(neuron, kind, how, x, pre=None):
    """The documented steps one by one in float64; the refractory time is counted in whole steps."""
    how = "exponential" if kind == "fede" else how
    shape, dt = neuron.cells_shape, neuron.dt
    v, y = np.full(shape, neuron.v_rest), np.zeros(shape)
    center = neuron.thresh_center.numpy().astype(np.float64)
    th, left = center.copy(), np.zeros(shape, int)
    hold = round(neuron.duration_refrac / dt)
    out = {"spikes": [], "traces": [], "v": [], "th": [], "left": []}
    x = np.asarray(x, np.float64) - (0 if pre is None else np.asarray(pre, np.float64))
    for now in x:
        drive = now if now.shape == shape else now.sum(-1)
        free = left == 0
        if kind == "if":
            v = np.where(free, v + neuron.alpha_v * drive, v)
        elif how == "linear":
            charged = neuron.v_rest + (v - neuron.v_rest) * neuron.tau_v + neuron.alpha_v * drive
            v = np.where(free, charged, neuron.v_rest)
        else:
            v = v + free * (dt / neuron.tau_v) * (-(v - neuron.v_rest) + neuron.alpha_v * drive)
        s = v >= th
        if how == "linear":
            y = y * neuron.tau_t + neuron.alpha_t * s
        else:
            y = y + dt / neuron.tau_t * (-y + neuron.alpha_t * s)
        if kind == "adaptive" and how == "linear":
            th = center + (th - center) * neuron.tau_thresh + neuron.alpha_thresh * s
        elif kind == "adaptive":
            th = th + dt / neuron.tau_thresh * (-(th - center) + neuron.alpha_thresh * s)
        left = np.maximum(left - 1, 0) + hold * s
        v = np.where(s, neuron.v_rest, v)
        for name, value in zip(out, (s, y, v, th, left * dt)):
            out[name].append(value)
    return {name: np.array(values) for name, values in out.items()}


def drive(kind, rng, *shape, inputs=()):
    """Input, and incoming traces for Fede neurons."""
    scale = 1.6 if kind == "fede" else 1.0
    x = (rng.random((*shape, *inputs)) * scale * 2 / max(1, sum(inputs))).astype(np.float32)
    return (x, (rng.random(x.shape) * 0.2 * scale / max(1, sum(inputs))).astype(np.float32)) if kind == "fede" else (x,)


def check(neuron, got, want, exact=True):
    """Spikes and states of a run: float32 rounding of some hundred steps of numbers around 1."""
    np.testing.assert_array_equal(got[0].numpy(), want["spikes"])
    np.testing.assert_allclose(got[1].numpy(), want["traces"], rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(neuron.trace.numpy(), want["traces"][-1], rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(neuron.v_cell.numpy(), want["v"][-1], rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(neuron.thresh.numpy(), want["th"][-1], rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(neuron.refrac_counts.numpy(), want["left"][-1], atol=1e-6)
    np.testing.assert_array_equal(neuron.spikes.numpy(), want["spikes"][-1])


CASES = [c for c in itertools.product(KINDS, ("linear", "exponential")) if c != ("fede", "linear")]


@pytest.mark.parametrize("shape", [(2, 1, 6), (1, 1), (3, 5)], ids=str)
@pytest.mark.parametrize(("kind", "how"), CASES)
def test_two_hundred_steps(kind, how, shape):
    """Spikes, traces and all state; summed inputs in four at a time, one at a time, and one neuron."""
    rng = np.random.default_rng(sum(shape))
    given = drive(kind, rng, 200, *shape, inputs=(3,))
    neuron = make(kind, shape, how)
    want = reference(neuron, kind, how, *given)
    check(neuron, neuron.run(*given), want)
    assert 0.02 < want["spikes"].mean() < 0.6


@pytest.mark.parametrize(("kind", "how"), CASES)
def test_steps_are_the_run(kind, how):
    """200 calls give the bits of one run, with and without the axis that is summed."""
    rng = np.random.default_rng(1)
    for inputs in ((), (4,)):
        given = drive(kind, rng, 200, 2, 4, inputs=inputs)
        one, many = make(kind, (2, 4), how), make(kind, (2, 4), how)
        spikes, traces = one.run(*given)
        steps = [many(*(v[t] for v in given)) for t in range(200)]
        np.testing.assert_array_equal([s.numpy() for s, _ in steps], spikes.numpy())
        np.testing.assert_array_equal([y.numpy() for _, y in steps], traces.numpy())
        for name, value in one.state_dict().items():
            np.testing.assert_array_equal(value.numpy(), many.state_dict()[name].numpy(), err_msg=name)
        assert spikes.dtype == np.bool_ and steps[0][0].dtype == np.bool_ and steps[0][0].shape == (2, 4)


@pytest.mark.parametrize("how", ["linear", "exponential"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 1, 7), (4, 8)], ids=str)
def test_input(shape, how):
    """What comes in goes on, bool or not, and leaves its trace."""
    rng = np.random.default_rng(2)
    x, tau = rng.random((200, *shape)) < 0.2, 0.9 if how == "linear" else 7.0
    neuron, steps = (traced.Input(shape, 0.5, 1.3, tau, how) for _ in range(2))
    out, traces = neuron.run(x)
    np.testing.assert_array_equal(out.numpy(), x)
    y, want = np.zeros(shape), []
    for now in x:
        y = y * tau + 1.3 * now if how == "linear" else y + 0.5 / tau * (-y + 1.3 * now)
        want.append(y)
    np.testing.assert_allclose(traces.numpy(), want, rtol=1e-5, atol=1e-7)
    for t in range(3):
        spikes, trace = steps(x[t].astype(np.float32))
        np.testing.assert_array_equal(trace.numpy(), traces.numpy()[t])
        np.testing.assert_array_equal(spikes.numpy(), x[t])
    graded = traced.Input(shape, 0.5, 2.0, tau, how).run(np.full((1, *shape), 0.25, np.float32))[1]
    np.testing.assert_allclose(graded.numpy(), 0.25 * 2 * (1 if how == "linear" else 0.5 / tau), rtol=1e-6)
    assert neuron.jump == pytest.approx(1.3 if how == "linear" else 1.3 * 0.5 / tau)


def test_bool_input_is_its_numbers():
    rng = np.random.default_rng(3)
    x = rng.random((50, 2, 4, 5)) < 0.5
    a, b = make("lif", (2, 4)), make("lif", (2, 4))
    np.testing.assert_array_equal(a.run(x)[1].numpy(), b.run(x.astype(np.float32))[1].numpy())
    c, d = make("if", (2, 3)), make("if", (2, 3))
    np.testing.assert_array_equal(c.run(x[:, :, :3, 0])[1].numpy(), d.run(x[:, :, :3, 0].astype(int))[1].numpy())


# ---- refractory time and thresholds ----


@pytest.mark.parametrize("dt", [1.0, 0.1, 0.3, 1e-3])
@pytest.mark.parametrize("steps", [0, 1, 3, 50])
def test_refractory_time_is_whole_steps(dt, steps):
    """Driven far over the threshold at every step, a neuron fires every steps + 1, though dt is no binary fraction."""
    neuron = traced.IFNeuron((1, 1), 1.0, 0.0, 5.0, 1.0, dt, steps * dt, 0.9)
    spikes, _ = neuron.run(np.ones((200, 1, 1), np.float32))
    np.testing.assert_array_equal(np.flatnonzero(spikes.numpy()), np.arange(0, 200, steps + 1))


def test_a_spike_at_exactly_the_threshold():
    neuron = traced.IFNeuron((1, 2), 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.9)
    spikes, _ = neuron(np.array([[1.0, np.nextafter(np.float32(1), np.float32(0))]], np.float32))
    np.testing.assert_array_equal(spikes.numpy(), [[True, False]])


def test_thresholds_of_their_own():
    """One a neuron, kept by reset_thresh; an adaptive one goes back to its own."""
    levels = np.array([0.5, 1.0, 2.0, 4.0], np.float32)
    neuron = make("adaptive", (3, 4), thresh=levels)
    x = drive("adaptive", np.random.default_rng(4), 200, 3, 4)
    want = reference(neuron, "adaptive", "linear", *x)
    check(neuron, neuron.run(*x), want)
    assert (neuron.thresh.numpy() > levels).any()
    for _ in range(8):
        neuron.run(np.full((200, 3, 4), -1.0, np.float32))
    # rounding stops the decay some ulps before its end
    np.testing.assert_allclose(neuron.thresh.numpy(), np.broadcast_to(levels, (3, 4)), rtol=2e-6)
    neuron.thresh = np.full((3, 4), 9.0)
    neuron.reset_thresh()
    np.testing.assert_array_equal(neuron.thresh.numpy(), np.broadcast_to(levels, (3, 4)))
    np.testing.assert_array_equal(make("lif", (2, 3), thresh=np.full((2, 1), 2.0)).thresh.numpy(), np.full((2, 3), 2.0))


def test_not_finite():
    """NaN never fires; a refractory neuron takes no input at all, not even infinity."""
    neuron = traced.LIFNeuron((1, 2), 1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 0.9, 0.9)
    x = np.array([[[2.0, np.nan]], [[np.inf, 0.0]], [[0.0, 0.0]], [[0.5, 1.0]]], np.float32)
    spikes, _ = neuron.run(x)
    np.testing.assert_array_equal(spikes.numpy()[:, 0], [[1, 0], [0, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(neuron.v_cell.numpy(), [[0.5, np.nan]])


# ---- replaced methods ----


def test_the_methods_one_by_one_are_the_kernel():
    """Classes whose methods are replaced by ones that call the same go step by step, to the same bits."""
    for kind, how in CASES:
        name = type(make(kind, (1, 1), how)).__name__
        base = getattr(traced, name)
        replaced = type("Same", (base,), {"update_trace": lambda self, x, base=base: base.update_trace(self, x)})
        given = drive(kind, np.random.default_rng(5), 40, 2, 3, inputs=(2,))
        a, b = make(kind, (2, 3), how), make(kind, (2, 3), how, cls=replaced)
        for one, two in zip(a.run(*given), b.run(*given)):
            np.testing.assert_array_equal(one.numpy(), two.numpy(), err_msg=name)
        for key, value in a.state_dict().items():
            np.testing.assert_array_equal(value.numpy(), b.state_dict()[key].numpy(), err_msg=f"{name} {key}")


def test_your_own_neuron():
    """From BaseNeuron, with two methods and assigned state."""

    class Counter(traced.BaseNeuron):
        def update_voltage(self, x):
            self.v_cell = self.v_cell + x

        def update_trace(self, x):
            self.trace = self.trace + self.convert_spikes(x)

    neuron = Counter((1, 2), 3.0, 0.0, 1.0, 1.0, 1.0, 0.0)
    state = neuron.v_cell
    spikes, traces = neuron.run(np.ones((7, 1, 2, 1), np.float32))
    np.testing.assert_array_equal(spikes.numpy()[:, 0, 0], [0, 0, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(traces.numpy()[:, 0, 0], [0, 0, 1, 1, 1, 2, 2])
    assert neuron.v_cell is state
    with pytest.raises(NotImplementedError, match="BaseNeuron does not define update_voltage"):
        traced.BaseNeuron((1, 2), 3.0, 0.0, 1.0, 1.0, 1.0, 0.0)(np.ones((1, 2)))
    with pytest.raises(NotImplementedError, match="BaseInput does not define update_trace"):
        traced.BaseInput((1, 2), 1.0)(np.ones((1, 2)))


def test_your_own_forward():
    class Quiet(traced.LIFNeuron):
        def forward(self, x):
            self.update_voltage(self.fold(x))
            fired = self.spiking()
            self.refrac(fired)
            return fired, self.trace.copy()

    spikes, traces = make("lif", (2, 2), cls=Quiet).run(np.ones((9, 2, 2), np.float32))
    want = reference(make("lif", (2, 2)), "lif", "linear", np.ones((9, 2, 2)))
    np.testing.assert_array_equal(spikes.numpy(), want["spikes"])
    assert not traces.numpy().any()


def test_an_instance_may_replace_a_method():
    neuron = make("lif", (1, 2))
    neuron.fold = lambda x: neuron.convert_spikes(x) * 0.0
    assert not neuron.run(np.full((5, 1, 2), 9.0, np.float32))[0].numpy().any()


# ---- the other methods ----


def test_fold_unfold_convert():
    neuron = make("lif", (2, 3))
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(neuron.fold(x).numpy(), x.sum(-1))
    np.testing.assert_array_equal(neuron.fold(x[..., 0]).numpy(), x[..., 0])
    np.testing.assert_array_equal(neuron.unfold(x).numpy(), np.moveaxis(x, -1, 0))
    converted = neuron.convert_spikes(x > 3)
    assert converted.dtype == np.float32
    np.testing.assert_array_equal(converted.numpy(), x > 3)
    np.testing.assert_array_equal(traced.Input((1,), 1, 1, 0.5).convert_input([True]).numpy(), [1.0])


def test_store_trace_keeps_everything():
    rng = np.random.default_rng(6)
    x = drive("lif", rng, 20, 2, 3)[0]
    neuron = make("lif", (2, 3), store_trace=True)
    assert neuron.complete_trace.shape == (2, 3, 0)
    spikes = neuron.run(x[:15])[0].numpy()
    rest = [neuron(now)[0].numpy() for now in x[15:]]
    want = np.moveaxis(np.concatenate([spikes, rest]), 0, -1)
    np.testing.assert_array_equal(neuron.complete_trace.numpy(), want)
    neuron.concat_trace(np.ones((2, 3), bool))
    assert neuron.complete_trace.shape == (2, 3, 21) and neuron.complete_trace.numpy()[..., -1].all()
    neuron.reset_state()
    assert neuron.complete_trace.shape == (2, 3, 0) and neuron.complete_trace.dtype == np.bool_
    assert make("lif", (2, 3)).complete_trace is None
    with pytest.raises(RuntimeError, match="store_trace keeps spikes in a list"):
        grilly_vk.compile(lambda v: neuron(v)[1])(x[0])
    assert not neuron.trace.numpy().any()


def test_reset_and_no_grad():
    neuron = make("adaptive", (2, 3))
    fresh = {k: v.numpy() for k, v in neuron.state_dict().items()}
    neuron.run(np.ones((9, 2, 3), np.float32))
    assert any((v.numpy() != fresh[k]).any() for k, v in neuron.state_dict().items())
    F.reset_net(nn.ModuleList([neuron]))
    for k, v in neuron.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), fresh[k], err_msg=k)
    neuron.no_grad()
    neuron.init_neuron()
    plain = make("lif", (2, 3))
    plain.thresh = np.full((2, 3), 7.0)
    plain.reset_state()
    assert (plain.thresh.numpy() == 7).all()
    plain.init_neuron()
    assert (plain.thresh.numpy() == 1).all()


def test_results_stay_as_they_were():
    """A returned trace is no window on the state."""
    neuron = make("lif", (1, 3))
    _, trace = neuron(np.ones((1, 3), np.float32))
    before = trace.numpy()
    neuron.run(np.ones((5, 1, 3), np.float32))
    np.testing.assert_array_equal(trace.numpy(), before)


# ---- with the engine ----


def dispatches(run):
    run()
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["dispatches"]
    run()
    grilly_vk.synchronize()
    return grilly_vk.memory_stats()["dispatches"] - before


@pytest.mark.parametrize("kind", KINDS)
def test_one_dispatch(kind):
    given = [grilly_vk.tensor(v) for v in drive(kind, np.random.default_rng(0), 30, 2, 4, inputs=(5,))]
    neuron = make(kind, (2, 4))
    assert dispatches(lambda: neuron.run(*given)) == 1
    first = [grilly_vk.tensor(v.numpy()[0]) for v in given]
    assert dispatches(lambda: neuron(*first)) == 1


def test_long_runs_in_pieces(monkeypatch):
    x = grilly_vk.tensor(drive("lif", np.random.default_rng(7), 50, 2, 4, inputs=(3,))[0])
    got = []
    for size in (64, 7):
        monkeypatch.setattr(type(x.engine), "steps_per_submit", lambda self, work, size=size: size)
        neuron = make("lif", (2, 4))
        got.append([t.numpy() for t in (*neuron.run(x), neuron.v_cell, neuron.spikes, neuron.refrac_counts)])
    for one, cut in zip(*got):
        np.testing.assert_array_equal(one, cut)


def test_blocks_of_many_neurons():
    """Wide enough for the walk in blocks that CPUs take."""
    x = np.random.default_rng(8).random((19, 2, 4096)).astype(np.float32)
    neuron = make("adaptive", (2, 4096))
    spikes, traces = neuron.run(x)
    few = make("adaptive", (2, 5))
    s, y = few.run(x[:, :, :5])
    np.testing.assert_array_equal(spikes.numpy()[:, :, :5], s.numpy())
    np.testing.assert_array_equal(traces.numpy()[:, :, :5], y.numpy())


@pytest.mark.parametrize("kind", ["lif", "own"])
def test_compiled_state_goes_on(kind):
    """State lies in memory of its own, so replays carry it; the same with replaced methods."""
    x = drive("lif", np.random.default_rng(9), 30, 2, 4)[0]
    cls = type("Own", (traced.LIFNeuron,), {"refrac": lambda self, s: traced.LIFNeuron.refrac(self, s)})
    eager, replayed = (make("lif", (2, 4), cls=cls if kind == "own" else None) for _ in range(2))
    step = grilly_vk.compile(lambda v: replayed(v))
    for now in x:
        for one, two in zip(eager(now), step(now)):
            np.testing.assert_array_equal(one.numpy(), two.numpy())
    assert step.captures == 1
    replayed.alpha_v = 0.9  # a number of the recording
    step(x[0])
    assert step.captures == 2


def test_copies_and_state_dict():
    x = drive("adaptive", np.random.default_rng(10), 20, 2, 3)[0]
    neuron = make("adaptive", (2, 3))
    neuron.run(x[:10])
    other = make("adaptive", (2, 3))
    other.load_state_dict({k: v.numpy() for k, v in neuron.state_dict().items()})
    twin = copy.deepcopy(neuron)
    want = neuron.run(x[10:])[1].numpy()
    np.testing.assert_array_equal(other.run(x[10:])[1].numpy(), want)
    np.testing.assert_array_equal(twin.run(x[10:])[1].numpy(), want)
    assert set(neuron.state_dict()) == {"trace", "spikes", "v_cell", "refrac_counts", "thresh", "thresh_center"}


def test_in_a_container_and_watched():
    x = drive("lif", np.random.default_rng(11), 12, 2, 3)[0]
    neuron = make("lif", (2, 3))
    with grilly_vk.monitor.SpikeMonitor(neuron, step_mode="m") as seen:
        spikes, _ = neuron.run(x)
    np.testing.assert_array_equal(next(iter(seen.values())), spikes.numpy())


def test_no_steps_and_no_growth():
    neuron = make("lif", (2, 3))
    spikes, traces = neuron.run(np.zeros((0, 2, 3), np.float32))
    assert spikes.shape == traces.shape == (0, 2, 3) and not neuron.trace.numpy().any()
    x = grilly_vk.tensor(np.ones((2, 3), np.float32))
    for _ in range(50):
        neuron(x)
    gc.collect()
    grilly_vk.synchronize()
    kept = ("bytes_in_use", "bytes_reserved", "segments")
    before = grilly_vk.memory_stats()
    for i in range(2000):
        neuron(x)
        if i % 100 == 99:
            grilly_vk.synchronize()
    gc.collect()
    after = grilly_vk.memory_stats()
    assert {k: after[k] for k in kept} == {k: before[k] for k in kept}


def test_nothing_is_on_the_tape():
    x = grilly_vk.tensor(np.ones((2, 3), np.float32), requires_grad=True)
    for cls in (None, type("Own", (traced.LIFNeuron,), {"fold": lambda self, x: traced.LIFNeuron.fold(self, x)})):
        assert not any(t.requires_grad for t in make("lif", (2, 3), cls=cls)(x))


# ---- bad input ----


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"duration_refrac": 0.7}, ValueError, "duration_refrac must be a multiple of dt, got 0.7 with dt=0.5"),
        ({"duration_refrac": -1.0}, ValueError, "duration_refrac must not be negative"),
        ({"cells_shape": 5}, TypeError, "cells_shape must be a list or tuple with the batch first, not int"),
        ({"cells_shape": ()}, ValueError, "cells_shape is empty"),
        ({"cells_shape": (0, 2)}, ValueError, r"cells_shape\[0\] must be at least 1"),
        ({"dt": 0.0}, ValueError, "dt must be positive"),
        ({"tau_v": 1.5}, ValueError, r"tau_v must lie in \[0.0, 1.0\], got 1.5"),
        ({"tau_v": 0.0, "update_type": "exponential"}, ValueError, "tau_v must be positive"),
        ({"update_type": "cubic"}, ValueError, "update_type must be one of 'linear', 'exponential'; got 'cubic'"),
        ({"thresh": [1.0, 2.0, 3.0, 4.0]}, ValueError, r"thresh has shape \(4,\); expected one number"),
        ({"thresh": np.nan}, ValueError, "thresh must be finite"),
        ({"thresh": "high"}, TypeError, "thresh must hold real numbers"),
        ({"alpha_t": None}, TypeError, "alpha_t must be a number"),
        ({"store_trace": 1}, TypeError, "store_trace must be True or False"),
    ],
)
def test_bad_arguments(options, error, text):
    given = dict(
        cells_shape=(2, 3), thresh=1.0, v_rest=0.0, alpha_v=1.0, alpha_t=1.0, dt=0.5, duration_refrac=1.0, tau_v=0.9,
        tau_t=0.9,
    )  # fmt: skip
    with pytest.raises(error, match=text):
        traced.LIFNeuron(**(given | options))


def test_bad_input_changes_nothing():
    neuron, fede, first = make("lif", (2, 3)), make("fede", (2, 3)), traced.Input((2, 3), 1.0, 1.0, 0.9)
    good = np.ones((2, 3), np.float32)
    for call, error, text in [
        (lambda: neuron(np.ones(3)), ValueError, r"x has shape \(3,\); expected \(2, 3\) or \(2, 3, n_in\)"),
        (lambda: neuron(np.ones((2, 3, 4, 5))), ValueError, r"x has shape \(2, 3, 4, 5\)"),
        (lambda: neuron.run(good), ValueError, r"x has shape \(2, 3\); expected \(T, 2, 3\) or \(T, 2, 3, n_in\)"),
        (lambda: neuron(["a"]), TypeError, "x must be a Tensor, or hold real numbers"),
        (lambda: first(np.ones((2, 3, 4))), ValueError, r"x has shape \(2, 3, 4\); expected \(2, 3\)$"),
        (lambda: first.run(good), ValueError, r"expected \(T, 2, 3\)$"),
        (lambda: fede(good, np.ones((2, 3, 1))), ValueError, r"pre_trace has shape \(2, 3, 1\); expected that of x"),
        (lambda: fede.run(good[None], np.ones((2, 2, 3))), ValueError, "pre_trace has 2 steps and x 1"),
        (lambda: setattr(neuron, "v_cell", np.ones(3)), ValueError, r"v_cell has shape \(3,\); expected \(2, 3\)"),
        (lambda: first.update_trace(np.ones(3)), ValueError, r"x has shape \(3,\)"),
    ]:
        with pytest.raises(error, match=text):
            call()
    for part in (neuron, fede, first):
        assert not part.trace.numpy().any()
    assert neuron(good)[0].shape == (2, 3)


def test_repr():
    text = repr(make("lif", (2, 3)))
    assert text.startswith("LIFNeuron(cells_shape=(2, 3), v_rest=0.1") and "tau_v=0.8" in text
    assert repr(traced.Input((2, 3), 1, 1, 0.9)).startswith("Input(cells_shape=(2, 3), dt=1")
