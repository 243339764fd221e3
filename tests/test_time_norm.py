"""Norms over time: float64 references, both step modes, state, errors; SpikingJelly is in test_golden_norm.py."""

import copy

import numpy as np
import pytest
from learning import training_step
from op_table import normal
from tuned import KINDS, tune

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.tensor import from_numpy

T, B = 4, 3


def close(got, want, rtol=2e-5, what=""):
    """rtol of the largest value too: gradients are sums with terms of both signs."""
    got = got.numpy() if hasattr(got, "numpy") else got
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(want).max(), err_msg=what)


def set_to(tensor, values):
    tensor.detach().assign(np.asarray(values, np.float32))


# ---- every class ----

CLASSES = {
    "BatchNormThroughTime1d": ({"num_features": 5, "T": T}, [(5,), (5, 3)]),
    "BatchNormThroughTime2d": ({"num_features": 5, "T": T}, [(5, 2, 3)]),
    "TemporalEffectiveBatchNorm1d": ({"T": T, "num_features": 5}, [(5,), (5, 3)]),
    "TemporalEffectiveBatchNorm2d": ({"T": T, "num_features": 5}, [(5, 2, 3)]),
    "ThresholdDependentBatchNorm1d": ({"num_features": 5}, [(5,), (5, 3)]),
    "ThresholdDependentBatchNorm2d": ({"num_features": 5}, [(5, 2, 3)]),
    "NeuNorm": ({"in_channels": 5, "height": 2, "width": 3}, [(5, 2, 3)]),
}
NORMS = [name for name in CLASSES if name != "NeuNorm"]


def made(name, **more):
    return getattr(nn, name)(**{**CLASSES[name][0], **more})


def x_of(name, seed=0, which=0):
    return normal(T, B, *CLASSES[name][1][which], seed=seed) * 2 + 0.5


def trained(name, **more):
    """With parameters that are not all the same, and running statistics."""
    module = made(name, **more)
    for i, p in enumerate(module.parameters()):
        set_to(p, 1 + 0.3 * normal(*p.shape, seed=i))
    F.set_step_mode(module, "m")
    module(x_of(name))
    F.reset_net(module)
    return module


@pytest.mark.parametrize("name", CLASSES)
def test_state_round_trip(name):
    a, b = trained(name), made(name)
    saved = {k: v.numpy().copy() for k, v in a.state_dict().items()}
    b.load_state_dict(saved)
    x = x_of(name, 1)
    F.set_step_mode(b, "m")
    assert a.eval()(x).numpy().tobytes() == b.eval()(x).numpy().tobytes()
    c = copy.deepcopy(a)
    F.reset_net(a), F.reset_net(c)
    assert c(x).numpy().tobytes() == a(x).numpy().tobytes()
    assert name.rstrip("12d") == "NeuNorm" or "running_var" in saved
    assert name in repr(a)


@pytest.mark.parametrize("name", CLASSES)
def test_step_by_step_in_evaluation(name):
    module = trained(name).eval()
    for which in range(len(CLASSES[name][1])):
        x = x_of(name, 2, which)
        F.set_step_mode(module, "m")
        F.reset_net(module)
        whole = module(x).numpy()
        F.set_step_mode(module, "s")
        F.reset_net(module)
        np.testing.assert_array_equal(np.stack([module(x[t]).numpy() for t in range(T)]), whole)
        F.reset_net(module)
        np.testing.assert_array_equal(nn.MultiStepContainer(module)(x).numpy(), whole)


@pytest.mark.parametrize("name", ["BatchNormThroughTime1d", "BatchNormThroughTime2d", "NeuNorm"])
def test_step_by_step_in_training(name):
    """Results, gradients and running statistics; the gradients of single steps are added up in another order."""
    modules = [trained(name), trained(name)]
    x = [from_numpy(x_of(name, 3)).requires_grad_() for _ in modules]
    whole = modules[0](x[0])
    F.set_step_mode(modules[1], "s")
    steps = grilly_vk.stack([modules[1](x[1][t]) for t in range(T)])
    close(steps, whole.numpy(), 1e-6)  # sums are cut into other parts
    c = from_numpy(normal(*whole.shape, seed=4))
    for y in (whole, steps):
        y.backward(c)
    close(x[1].grad, x[0].grad.numpy())
    for a, b in zip(*(m.parameters() for m in modules)):
        close(a.grad, b.grad.numpy())
    for (key, a), b in zip(modules[0].state_dict().items(), modules[1].state_dict().values()):
        close(a.numpy(), b.numpy(), 1e-6, key)
    if name != "NeuNorm":
        assert modules[1].t == T and modules[0].t == 0


@pytest.mark.parametrize("name", CLASSES)
def test_compiled_training_is_eager_training(name):
    """Same losses, parameters and running statistics, through a spiking node, in one recording."""
    results = []
    for wrap in (lambda f: f, grilly_vk.compile):
        module = made(name)
        if name == "NeuNorm":
            set_to(module.weight, 0.5 + 0 * module.weight.numpy())
        model = nn.Sequential(module, nn.LIFNode())
        F.set_step_mode(model, "m")
        adam = optim.Adam(model.parameters(), lr=0.01)

        step = training_step(model, adam, lambda out: ((out.mean(0) - 0.4) ** 2).mean())

        run = wrap(step)
        losses = [run(from_numpy(x_of(name, seed))).item() for seed in range(4)]
        results.append([losses, *(t.numpy().tobytes() for t in model.state_dict().values())])
    assert results[0] == results[1]
    assert run.captures == 1 and len(set(losses)) > 1


@pytest.mark.parametrize("name", NORMS)
def test_in_containers(name):
    """Sequential in step mode "m" gives all steps at once."""
    module, x = made(name), x_of(name, 5)
    want = reference(name, x)
    model = nn.Sequential(module)
    F.set_step_mode(model, "m")
    close(model(x), want, 1e-5)
    fresh = nn.MultiStepContainer(made(name))
    close(fresh(x), want, 1e-5)


def reference(name, x, eps=1e-5):
    """In float64, with the parameters of the start."""
    x = x.astype(np.float64)
    axes = tuple(a for a in range(x.ndim) if a != 2 and not (a == 0 and "Through" in name))
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("settings", [{"affine": False}, {"track_running_stats": False}, {"momentum": None}])
def test_settings(name, settings):
    module = made(name, **settings, step_mode="m")
    assert ("running_mean" in module.state_dict()) == ("track_running_stats" not in settings)
    assert ("weight" in module.state_dict()) == ("affine" not in settings)
    batches = [x_of(name, seed) + seed for seed in range(3)]
    for x in batches:
        close(module(x), reference(name, x), 1e-5)
    if "track_running_stats" in settings:
        close(module.eval()(x), reference(name, x), 1e-5)
    elif "momentum" in settings:
        axes = (1,) if "Through" in name else (0, 1)
        axes += tuple(range(3, x.ndim))
        close(module.running_mean, np.mean([b.mean(axes, np.float64) for b in batches], 0))
        close(module.running_var, np.mean([b.var(axes, np.float64, ddof=1) for b in batches], 0))
    module.reset_parameters()
    if "running_mean" in module.state_dict():
        assert (module.running_mean.numpy() == 0).all() and (module.running_var.numpy() == 1).all()
        assert (module.num_batches_tracked.numpy() == 0).all()


def test_the_scale_starts_at_the_threshold():
    for affine in (True, False):
        module = nn.ThresholdDependentBatchNorm1d(5, v_threshold=0.5, alpha=0.7, affine=affine)
        x = x_of("ThresholdDependentBatchNorm1d")
        close(module(x), 0.35 * reference("", x), 1e-5)
    module = nn.ThresholdDependentBatchNorm1d(5, v_threshold=2.0)
    assert (module.weight.numpy() == 2).all()


# ---- BNTT's number of steps ----


def test_the_number_of_steps_comes_with_the_first_input():
    module = nn.BatchNormThroughTime1d(5, step_mode="m")
    assert dict(module.state_dict()) == {} and module.T is None
    module(normal(T, B, 5))
    assert module.T == T and module.weight.shape == (T, 5) == module.running_mean.shape
    with pytest.raises(ValueError, match=r"x has shape \(3, 3, 5\), 3 steps; BatchNormThroughTime1d has T=4"):
        module(normal(3, B, 5))
    with pytest.raises(ValueError, match="the number of steps of BatchNormThroughTime1d is not known yet"):
        nn.BatchNormThroughTime1d(5, step_mode="s")(normal(B, 5))


@pytest.mark.parametrize("settings", [{}, {"affine": False}, {"track_running_stats": False}])
def test_the_number_of_steps_comes_with_a_state(settings):
    a = nn.Sequential(nn.Linear(5, 5), nn.BatchNormThroughTime1d(5, T=T, **settings))
    b = nn.Sequential(nn.Linear(5, 5), nn.BatchNormThroughTime1d(5, **settings))
    b.load_state_dict(a.state_dict())
    assert b[1].T == T
    F.set_step_mode(a, "m"), F.set_step_mode(b, "m")
    x = normal(T, B, 5)
    assert a(x).numpy().tobytes() == b(x).numpy().tobytes()
    with pytest.raises(ValueError, match="has shape"):
        b.load_state_dict(nn.Sequential(nn.Linear(5, 5), nn.BatchNormThroughTime1d(5, T=2, **settings)).state_dict())


@pytest.mark.parametrize("weight", [normal(T, 4), normal(T, 5, 1), np.zeros((0, 5), np.float32)])
def test_a_state_that_does_not_fit_fixes_no_number_of_steps(weight):
    module = nn.BatchNormThroughTime1d(5, track_running_stats=False)
    with pytest.raises(ValueError, match="unexpected: weight"):
        module.load_state_dict({"weight": weight})
    assert module.T is None and module.weight is None


def test_a_state_that_fits_in_part_fixes_no_number_of_steps():
    """As after every error of load_state_dict, nothing has changed."""
    module = nn.Sequential(nn.BatchNormThroughTime1d(5), nn.Linear(5, 2))
    state = nn.Sequential(nn.BatchNormThroughTime1d(5, T=T), nn.Linear(5, 3)).state_dict()
    with pytest.raises(ValueError, match=r"mismatched: 1.weight has shape \(3, 5\)"):
        module.load_state_dict(state)
    assert module[0].T is None and not list(module[0].parameters()) and not list(module[0].buffers())
    F.set_step_mode(module, "m")
    assert module(normal(2, B, 5)).shape == (2, B, 2) and module[0].T == 2


@pytest.mark.parametrize("name", ["BatchNormThroughTime1d", "ThresholdDependentBatchNorm1d"])
def test_running_statistics_that_move_before_the_gradient(name):
    """In evaluation the gradient needs them as they were."""
    module = getattr(nn, name)(5, T, step_mode="m") if "Through" in name else getattr(nn, name)(5)
    x = grilly_vk.tensor(normal(T, B, 5), requires_grad=True)
    y = module.eval()(x)
    module.train()(normal(T, B, 5) + 1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_the_number_of_steps_is_not_fixed_inside_a_recording():
    module = nn.BatchNormThroughTime1d(5, step_mode="m")
    with pytest.raises(RuntimeError, match="give T, or call the module once before"):
        grilly_vk.compile(lambda x: module(x))(normal(T, B, 5))
    module(normal(T, B, 5))
    grilly_vk.compile(lambda x: module(x))(normal(T, B, 5))


def test_steps_beyond_the_last():
    module = nn.BatchNormThroughTime1d(5, T=2, step_mode="s")
    module(normal(B, 5)), module(normal(B, 5))
    before = module.running_mean.numpy().copy()
    with pytest.raises(ValueError, match=r"T=2 steps, and this would be step 3; call F.reset_net"):
        module(normal(B, 5))
    with pytest.raises(ValueError, match="is 2 steps into a sequence"):
        nn.MultiStepContainer(module)(normal(2, B, 5))
    np.testing.assert_array_equal(module.running_mean.numpy(), before)
    F.reset_net(module)
    module(normal(B, 5))
    assert module.t == 1 and module.num_batches_tracked.numpy().tolist() == [2, 1]


def test_a_step_does_not_cross_the_border_of_a_recording():
    module = nn.BatchNormThroughTime1d(5, T=2, step_mode="s")
    with pytest.raises(RuntimeError, match="would cross the border"):
        grilly_vk.compile(lambda x: module(x))(normal(B, 5))

    @grilly_vk.compile
    def two(x):
        F.reset_net(module)
        return module(x[0]) + module(x[1])

    two(normal(2, B, 5)), two(normal(2, B, 5))
    assert two.captures == 1 and module.t == 2


# ---- what is refused ----


@pytest.mark.parametrize("name", NORMS)
def test_bad_input_changes_nothing(name):
    module = made(name, step_mode="m")
    shape = CLASSES[name][1][0]
    for bad, text in (
        (normal(T, B, 4, *shape[1:]), "x has shape"),
        (normal(*shape), "x has shape"),
        (normal(T, B, *shape, 1, 1), "x has shape"),
        (normal(T, 1, 5, *[1] * (len(shape) - 1)), "more than one value per channel" if "Through" in name else None),
    ):
        if text:
            with pytest.raises(ValueError, match=text):
                module(bad)
    with pytest.raises(ValueError, match="step_mode must be one of"):
        made(name, step_mode="x")
    with pytest.raises(ValueError, match="num_features must be at least 1"):
        made(name, num_features=0)
    with pytest.raises(ValueError, match="eps must not be negative"):
        made(name, eps=-1)
    assert (module.running_mean.numpy() == 0).all() and (module.running_var.numpy() == 1).all()
    assert (module.num_batches_tracked.numpy() == 0).all()
    if "Through" not in name:
        module.step_mode = "s"
        with pytest.raises(ValueError, match="takes its statistics over all steps"):
            module(normal(B, *shape))
    if "Threshold" not in name:
        module.step_mode = "m"
        with pytest.raises(ValueError, match=f"2 steps; {name} has T=4"):
            module(normal(2, B, *shape))


def test_one_value_per_channel():
    with pytest.raises(ValueError, match="needs more than one value per channel when training"):
        nn.ThresholdDependentBatchNorm1d(5)(normal(1, 1, 5))
    with pytest.raises(ValueError, match="needs more than one value per channel when training"):
        nn.TemporalEffectiveBatchNorm1d(1, 5)(normal(1, 1, 5))


def test_bad_input_of_neu_norm():
    module = made("NeuNorm", step_mode="m")
    with pytest.raises(ValueError, match=r"x has shape \(4, 3, 4, 2, 3\); expected \(T, B, 5, 2, 3\)"):
        module(normal(T, B, 4, 2, 3))
    module(x_of("NeuNorm"))
    with pytest.raises(ValueError, match=r"x has a batch of 2, but the state m of NeuNorm has shape \(3, 1, 2, 3\)"):
        module(normal(T, 2, 5, 2, 3))
    F.reset_net(module)
    assert module(normal(T, 2, 5, 2, 3)).shape == (T, 2, 5, 2, 3)
    for bad, text in (({"k": 1.5}, "k must lie in"), ({"height": 0}, "height must be at least 1")):
        with pytest.raises(ValueError, match=text):
            made("NeuNorm", **bad)
    with pytest.raises(TypeError, match="shared_across_channels must be True or False"):
        made("NeuNorm", shared_across_channels=1)


def test_no_steps():
    module = made("NeuNorm", step_mode="m")
    module(x_of("NeuNorm"))
    before = module.m
    assert module(np.zeros((0, B, 5, 2, 3), np.float32)).shape == (0, B, 5, 2, 3)
    assert module.m is before


def test_an_empty_batch_moves_nothing():
    for name in NORMS:
        module = made(name, step_mode="m")
        shape = CLASSES[name][1][0]
        y = module(np.zeros((T, 0, *shape), np.float32))
        assert y.shape == (T, 0, *shape)
        y.sum().backward()
        assert (module.running_mean.numpy() == 0).all()
        for p in module.parameters():
            assert (p.grad.numpy() == 0).all()


# ---- the state of NeuNorm ----


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("high", "wide"), [(2, 2), (1, 3)])
def test_neu_norms_weight_gradient_over_many_rows(shared, high, wide):
    """Steps and samples are summed in stretches, the last of them shorter."""
    steps, samples, channels = 67, 3, 2
    x, gy = normal(steps, samples, channels, high, wide), normal(steps, samples, channels, high, wide, seed=1)
    w = grilly_vk.tensor(normal(1 if shared else channels, high, wide, seed=2), requires_grad=True)
    y, _ = F.neu_norm(x, 0.0, w, 0.8)
    y.backward(grilly_vk.tensor(gy))
    m, wanted = np.zeros((samples, 1, high, wide)), np.zeros((channels, high, wide))
    for t in range(steps):
        m = 0.8 * m + 0.2 / channels * x[t].astype(np.float64).sum(1, keepdims=True)
        wanted -= (gy[t] * m).sum(0)
    wanted = wanted.sum(0, keepdims=True) if shared else wanted
    np.testing.assert_allclose(w.grad.numpy(), wanted, rtol=1e-5, atol=1e-4)


def test_neu_norms_state_goes_on_and_carries_gradients():
    """Two halves are the whole, backward too; detach_net cuts them apart."""
    x = normal(T, B, 5, 2, 3)
    whole, halves = trained("NeuNorm"), trained("NeuNorm")
    given = [from_numpy(x).requires_grad_() for _ in range(3)]
    c = from_numpy(normal(*x.shape, seed=1))
    y = whole(given[0])
    parts = [halves(given[1][:2]), halves(given[1][2:])]
    both = grilly_vk.cat(parts)
    np.testing.assert_array_equal(both.numpy(), y.numpy())
    np.testing.assert_array_equal(halves.m.numpy(), whole.m.numpy())
    y.backward(c), both.backward(c)
    close(given[1].grad, given[0].grad.numpy())
    F.reset_net(halves)
    halves(given[2][:2])
    F.detach_net(halves)
    halves(given[2][2:]).backward(c[2:])
    assert (given[2].grad.numpy()[:2] == 0).all() and (given[0].grad.numpy()[:2] != 0).any()


# ---- how kernels share out the work ----

COLUMNS = [(2, 6, 4), (2, 37, 260), (2, 9, 5)]
SHAPES = [*COLUMNS, (3, 2, 8, 12), (2, 5, 3, 7), (2, 3, 4, 49), (1, 2, 3, 2050), (2, 33, 6, 5), (3, 4, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gpus_and_cpus_ways_give_the_same(shape, monkeypatch):
    """Walks of GPUs and CPUs, whole rows and pieces, against float64, forward and back."""
    x, c = normal(*shape) * 2 + 3, normal(*shape, seed=1)
    wide, t, n = x.astype(np.float64), shape[0], shape[2]
    p = normal(t, seed=2) + 2
    w, b = normal(n, seed=3), normal(n, seed=4)
    found = []
    for kind in ("CPU", "discrete"):
        tune(monkeypatch, KINDS[kind])
        given = [from_numpy(a).requires_grad_() for a in (x, p, w, b)]
        y = F.temporal_effective_batch_norm(given[0], None, None, given[1], given[2], given[3], training=True)
        y.backward(from_numpy(c))
        found.append([y.numpy(), *(g.grad.numpy() for g in given)])
        again = from_numpy(x).requires_grad_()
        y = F.batch_norm_through_time(again, None, None, training=True)
        y.backward(from_numpy(c))
        found[-1] += [y.numpy(), again.grad.numpy()]
    tail = (1,) * (len(shape) - 3)
    over = (0, 1, *range(3, len(shape)))
    P, W, V = p.reshape(-1, 1, 1, *tail), w.reshape(1, 1, -1, *tail), b.reshape(1, 1, -1, *tail)
    wanted = []
    for axes, g in ((over, c * P * W), (over[1:], c)):
        mean, scale = wide.mean(axes, keepdims=True), 1 / np.sqrt(wide.var(axes, keepdims=True) + 1e-5)
        z = (wide - mean) * scale
        gx = scale * (g - g.mean(axes, keepdims=True) - z * (g * z).mean(axes, keepdims=True))
        if not wanted:
            each = tuple(range(1, len(shape)))
            wanted += [P * (W * z + V), gx, (c * (W * z + V)).sum(each), (c * P * z).sum(over), (c * P).sum(over)]
        else:
            wanted += [z, gx]
    for results in found:
        for got, want in zip(results, wanted):
            close(got, want, 2e-5)


def test_an_outlier_does_not_spoil_the_statistics():
    """The first value is far from all others: squares of distances from it would lose the rest."""
    x = normal(2, 64, 3, 60)
    x[0, 0, :, 0] = 3e4
    module = nn.ThresholdDependentBatchNorm1d(3, momentum=1.0)
    module(x)
    close(module.running_var, x.var((0, 1, 3), np.float64, ddof=1), 1e-5)
    module = nn.BatchNormThroughTime1d(3, T=2, momentum=1.0, step_mode="m")
    module(x)
    close(module.running_var.numpy()[1], x[1].var((0, 2), np.float64, ddof=1), 1e-5)


# ---- steady state ----

STEPS = """
import numpy as np
import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from learning import training_step
from steady import kept

model = nn.Sequential(
    nn.Conv2d(1, 4, 3, padding=1), nn.BatchNormThroughTime2d(4, T=3), nn.LIFNode(), nn.NeuNorm(4, 5, 5),
    nn.Conv2d(4, 4, 3, padding=1), nn.TemporalEffectiveBatchNorm2d(3, 4), nn.LIFNode(),
    nn.Flatten(), nn.Linear(100, 6), nn.ThresholdDependentBatchNorm1d(6), nn.LIFNode(),
)
F.set_step_mode(model, "m")
adam = optim.Adam(model.parameters(), lr=1e-3)
x = np.random.default_rng(0).random((3, 4, 1, 5, 5)).astype(np.float32)

step = training_step(model, adam, lambda out: ((out.mean(0) - 0.3) ** 2).mean())
compiled = grilly_vk.compile(step)

x = grilly_vk.tensor(x)
for run, steps in ((compiled, 20), (step, 100), (compiled, 20)):
    for _ in range(steps):
        run(x).item()
held = kept("bytes_peak", "programs")
for run, steps in ((step, 400), (compiled, 1600)):
    for _ in range(steps):
        run(x).item()
now = kept("bytes_peak", "programs")
assert now == held, (held, now)
assert compiled.captures == 1
"""


def test_two_thousand_training_steps_do_not_grow_memory(snippet):
    snippet(STEPS, timeout=300)
