"""Loads and assignments of several things: after a failure at any allocation or launch inside nothing has changed."""

import copy
import itertools

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import monitor, nn, optim
from grilly_vk.ops.exchange import assign_all
from grilly_vk.runtime import engine
from grilly_vk.tensor import Tensor, from_numpy

CLASSES = {
    "memory": ("alloc", grilly_vk.OutOfDeviceMemory("no room")),
    "launch": ("issue", KeyboardInterrupt()),
}


def _breaking(real, calls, k, error):
    def call(*given, **more):
        if next(calls) == k:
            raise error
        return real(*given, **more)

    return call


@pytest.fixture(params=list(CLASSES))
def failing(request, monkeypatch):
    """Runs an action again and again, the k-th time with a failure at its k-th allocation (or launch), until it passes.

    After each failure `seen()` must be what it was before.
    """
    name, error = CLASSES[request.param]
    if name == "issue" and engine().guards is not None:
        pytest.skip("the debug mode's own launches would be interrupted")

    def run(action, seen):
        before = seen()
        for k in itertools.count():
            calls = itertools.count()
            with monkeypatch.context() as patch:
                for owner in {engine().memory, engine().staging} if name == "alloc" else {engine()}:
                    real = getattr(owner, name)

                    patch.setattr(owner, name, _breaking(real, calls, k, error))
                try:
                    action()
                    return k
                except type(error):
                    pass
            same(seen(), before)
        return None

    return run


def same(a, b):
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    else:
        np.testing.assert_array_equal(a, b)


def values(tree):
    if isinstance(tree, Tensor):
        return tree.numpy()
    if isinstance(tree, dict):
        return {k: values(v) for k, v in tree.items()}
    return [values(v) for v in tree] if isinstance(tree, (list, tuple)) else tree


def state(opt):
    """What the host says, and what the device has."""
    flats = [flat for group in opt.param_groups for flat in group.flats]
    device = [[s.control.numpy() for s in flat.stretches] for flat in flats]
    return values(opt.state_dict()), device, [p.numpy() for g in opt.param_groups for p in g["params"]]


def two_groups(kind=optim.Adam, steps=1, **options):
    first, second = [nn.Parameter(np.arange(3.0)), nn.Parameter(np.ones((2, 2)))], [nn.Parameter([5.0])]
    opt = kind([{"params": first}, {"params": second, "lr": 0.5}], lr=0.1, **options)
    for i in range(steps):
        for p in [*first, *second][: 3 - i]:  # from the second step on not all: counts differ
            p.grad = from_numpy(np.full(p.shape, 0.3, np.float32))
        opt.step()
        opt.zero_grad()
    return opt


@pytest.mark.parametrize("host", [True, False])
@pytest.mark.parametrize("steps", [1, 3])
def test_loading_an_optimizer(failing, steps, host):
    there = two_groups(steps=steps)
    there.param_groups[0]["lr"], there.param_groups[1]["betas"] = 0.7, (0.5, 0.6)
    given = there.state_dict()
    opt = two_groups(steps=2)
    failed = failing(lambda: opt.load_state_dict(values(given) if host else given), lambda: state(opt))
    assert failed or (host and engine().host_visible)  # the host writes itself, without memory or launches
    same(values(opt.state_dict()), values(given))
    one, other = copied(there), opt
    for o in (one, other):
        for group in o.param_groups:
            for p in group["params"]:
                p.assign(np.ones(p.shape, np.float32)) if not p.requires_grad else p.detach().assign(np.ones(p.shape))
                p.grad = from_numpy(np.ones(p.shape, np.float32))
        o.step()
    same(state(one)[2], state(other)[2])


def copied(opt):
    out = two_groups()
    out.load_state_dict(values(opt.state_dict()))
    return out


def test_setting_a_learning_rate(failing):
    """The number in the dict is the device's, after a failure too, and what failed can be set again."""
    opt = two_groups()
    assert failing(lambda: opt.param_groups[0].update(lr=0.25, betas=(0.1, 0.2)), lambda: state(opt))
    assert opt.param_groups[0]["lr"] == 0.25
    assert opt.param_groups[0].flats[0].stretches[0].control.numpy().view(np.float32)[0] == np.float32(0.25)


def test_a_step_after_a_failed_assignment_takes_the_old_rate_and_the_next_the_new_one(monkeypatch):
    p = nn.Parameter([0.0])
    opt = optim.SGD([p], lr=1.0)
    p.grad = from_numpy(np.ones(1, np.float32))
    for wanted in (-1.0, -2.0):
        with monkeypatch.context() as patch:
            patch.setattr(engine(), "upload", lambda *_: (_ for _ in ()).throw(grilly_vk.OutOfDeviceMemory("no room")))
            with pytest.raises(grilly_vk.OutOfDeviceMemory):
                opt.param_groups[0]["lr"] = 0.5
        opt.step()
        assert p.item() == wanted and opt.param_groups[0]["lr"] == 1.0
    opt.param_groups[0]["lr"] = 0.5
    opt.step()
    assert p.item() == -2.5
    opt.param_groups[0].written = None  # as if interrupted in the middle, with the device's number unknown
    opt.param_groups[0].flats[0].stretches[0].control._rows(0, 1).assign(np.float32([9.0]).view(np.uint32))
    opt.step()
    assert p.item() == -3.0


@pytest.mark.parametrize("sequence", [False, True])
def test_schedules(failing, sequence):
    def plan_of(opt):
        warm = optim.LinearWarmup(opt, 4)
        return optim.SequentialLR(opt, [warm, optim.CosineAnnealingLR(opt, 9)], [4]) if sequence else warm

    opt = two_groups()
    if not sequence:  # made, stepped and loaded: all groups or none
        assert failing(lambda: plan_of(opt), lambda: state(opt))
    plan = plan_of(opt)
    seen = lambda: (state(opt), plan.state_dict())  # noqa: E731
    assert failing(plan.step, seen)
    there = two_groups()
    other = plan_of(there)
    for _ in range(6):
        other.step()
    given = {**other.state_dict(), "base_lrs": [0.3, 0.9]}
    assert failing(lambda: plan.load_state_dict(given), seen)
    assert plan.state_dict() == given
    bad = copy.deepcopy(given)
    (bad["schedulers"][1] if sequence else bad)["kind"] = "StepLR"
    before = seen()
    with pytest.raises(ValueError, match="state_dict is of a StepLR"):
        plan.load_state_dict(bad)
    same(seen(), before)


def test_making_an_optimizer_and_adding_a_group(failing):
    params = [nn.Parameter(np.arange(4.0)), nn.Parameter(np.ones((2, 3)))]
    kept = [p.detach() for p in params]
    blocks = [p.buffer.block for p in params]
    made = []

    def seen():
        assert [p.buffer.block for p in params] == blocks and all(p.home is None for p in params)
        return values(kept)

    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.5}]
    assert failing(lambda: made.append(optim.Adam(groups)), seen)
    opt, more = made[0], nn.Parameter([7.0])
    assert failing(lambda: opt.add_param_group({"params": [more]}), lambda: (state(opt), more.numpy()))
    assert len(opt.param_groups) == 3


@pytest.mark.parametrize("host", [True, False])
def test_loading_a_module(failing, host):
    def net():
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.BatchNormThroughTime1d(4), nn.Linear(4, 2))

    there, here = net(), net()
    there[2](np.random.default_rng(0).random((3, 5, 4), np.float32), steps="m")
    given = there.state_dict()

    def seen():
        return values(here.state_dict()), here[2].T

    assert failing(lambda: here.load_state_dict(values(given) if host else given), seen)  # also of what is made
    same(values(here.state_dict()), values(given))


def test_tensors_that_exchange_their_values(failing):
    a, b = grilly_vk.tensor([1.0, 2.0]), grilly_vk.tensor([3.0, 4.0])
    flags = grilly_vk.tensor([True, False])
    whole = grilly_vk.tensor([1, 2])
    everything = [a, b, flags, whole]
    changes = [(a, b), (b, a), (flags, [False, True]), (whole, -3)]
    assert failing(lambda: assign_all(changes), lambda: values(everything))
    same(values(everything), [[3, 4], [1, 2], [False, True], [-3, -3]])


def test_what_the_host_writes_itself_is_written_whole_before_an_interrupt_comes_through(monkeypatch):
    if not engine().host_visible:
        pytest.skip("the host does not see the memory")

    class Interrupting(np.ndarray):
        left = 2

        def __setitem__(self, key, value):
            if type(self).left:
                type(self).left -= 1
                raise KeyboardInterrupt
            super().__setitem__(key, value)

    tensors = [grilly_vk.zeros(n) for n in (2, 3, 4)]
    real = type(tensors[0].buffer).words
    monkeypatch.setattr(type(tensors[0].buffer), "words", lambda self: real(self).view(Interrupting))
    with pytest.raises(KeyboardInterrupt):
        assign_all((t, np.full(t.shape, 5.0)) for t in tensors)
    monkeypatch.undo()
    same(values(tensors), [np.full(t.shape, 5.0) for t in tensors])
    assert Interrupting.left == 0


@pytest.mark.parametrize("wrong", [[1.0], grilly_vk.tensor, np.ma.masked_array([1.0, 2.0], [True, False])])
def test_a_wrong_value_changes_none(wrong):
    a, b = grilly_vk.tensor([1.0, 2.0]), grilly_vk.tensor([3.0, 4.0])
    value = wrong([1, 2]) if wrong is grilly_vk.tensor else wrong
    with pytest.raises((TypeError, ValueError)):
        assign_all([(a, [9.0, 9.0]), (b, value)])
    same(values([a, b]), [[1, 2], [3, 4]])


def test_resets_of_norms_and_monitors(failing):
    norm = nn.BatchNorm1d(3)
    norm(np.random.default_rng(1).random((6, 3), np.float32))
    with grilly_vk.no_grad():
        norm.weight.assign(np.full(3, 2.0))
    failing(norm.reset_running_stats, lambda: values(norm.state_dict()))
    assert norm.num_batches_tracked.item() == 0 and norm.weight.numpy().tolist() == [2.0] * 3
    model = nn.Sequential(nn.LIFNode(), nn.LIFNode())
    record = monitor.RateMonitor(model)
    model(np.full((2, 4), 3.0, np.float32))
    seen = lambda: [(record.counts(name), record.steps(name)) for name in record]  # noqa: E731
    failing(record.clear, seen)
    same(seen(), [(np.zeros(4), 0)] * 2)


def test_a_vector_into_parameters(failing):
    params = [nn.Parameter(np.zeros((2, 2))), nn.Parameter(np.zeros(3))]
    vector = grilly_vk.arange(7).astype("float32")
    assert failing(lambda: nn.utils.vector_to_parameters(vector, params), lambda: values(params))
    same(values(params), [np.arange(4.0).reshape(2, 2), np.arange(4.0, 7.0)])


def test_a_monitor_whose_memory_could_not_be_made_starts_later(failing):
    model = nn.Sequential(nn.LIFNode())
    record = monitor.SpikeMonitor(model)
    x = from_numpy(np.full((2, 4), 3.0, np.float32))

    def run():
        F.reset_net(model)
        model(x)

    assert failing(run, lambda: sum(record.steps(name) for name in record))
    assert record["0"].shape[1:] == (2, 4)


def test_random_numbers_go_back_whole_or_not(monkeypatch):
    before = grilly_vk.get_rng_state()
    grilly_vk.rand(5)
    nn.Linear(3, 3)
    now = grilly_vk.get_rng_state()
    with monkeypatch.context() as patch:
        patch.setattr(engine().stream, "finish", lambda: (_ for _ in ()).throw(KeyboardInterrupt()))
        for call in (lambda: grilly_vk.set_rng_state(before), lambda: grilly_vk.manual_seed(3)):
            with pytest.raises(KeyboardInterrupt):
                call()
    np.testing.assert_array_equal(grilly_vk.get_rng_state(), now)
