"""Optimizers against float64 implementations of PyTorch's documented formulas, schedules against closed forms."""

import gc
import math

import numpy as np
import pytest
from steady import needs_proc

import grilly_vk
from grilly_vk import nn, optim
from grilly_vk.tensor import Tensor, from_numpy

SHAPES = [(3, 5), (7,), (1,), (), (4, 4), (0, 3), (1030,)]


# ---- the formulas, one parameter, float64 ----


def sgd(w, grads, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    buf = None
    for g in grads:
        g = g + weight_decay * w
        if momentum:
            buf = g if buf is None else momentum * buf + (1 - dampening) * g
            g = g + momentum * buf if nesterov else buf
        w = w - lr * g
    return w


def adam(w, grads, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, decoupled=False):
    m = v = top = np.zeros_like(w)
    for t, g in enumerate(grads, 1):
        if decoupled:
            w = w * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        top = np.maximum(top, v)
        used = top if amsgrad else v
        w = w - lr / (1 - betas[0] ** t) * m / (np.sqrt(used / (1 - betas[1] ** t)) + eps)
    return w


def adamw(w, grads, weight_decay=0.01, **options):
    return adam(w, grads, weight_decay=weight_decay, decoupled=True, **options)


def rmsprop(w, grads, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    v = mean = buf = np.zeros_like(w)
    for g in grads:
        g = g + weight_decay * w
        v = alpha * v + (1 - alpha) * g * g
        spread = v
        if centered:
            mean = alpha * mean + (1 - alpha) * g
            spread = v - mean * mean
        d = g / (np.sqrt(spread) + eps)
        if momentum:
            buf = momentum * buf + d
            d = buf
        w = w - lr * d
    return w


CASES = [
    (optim.SGD, sgd, {}),
    (optim.SGD, sgd, {"lr": 0.1, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.02, "momentum": 0.9}),
    (optim.SGD, sgd, {"lr": 0.02, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05}),
    (optim.SGD, sgd, {"lr": 0.02, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05}),
    (optim.Adam, adam, {}),
    (optim.Adam, adam, {"lr": 0.03, "betas": (0.8, 0.99), "eps": 1e-4, "weight_decay": 0.1}),
    (optim.Adam, adam, {"lr": 0.03, "betas": (0.9, 0.7), "amsgrad": True}),
    (optim.Adam, adam, {"lr": 0.03, "betas": (0.0, 0.0)}),
    (optim.AdamW, adamw, {"lr": 0.03}),
    (optim.AdamW, adamw, {"lr": 0.03, "weight_decay": 0.3, "amsgrad": True}),
    (optim.RMSprop, rmsprop, {}),
    (optim.RMSprop, rmsprop, {"lr": 0.003, "alpha": 0.9, "momentum": 0.9, "weight_decay": 0.1}),
    (optim.RMSprop, rmsprop, {"lr": 0.003, "eps": 1e-2, "centered": True}),
    (optim.RMSprop, rmsprop, {"lr": 0.003, "eps": 1e-2, "centered": True, "momentum": 0.5}),
]
IDS = [f"{c.__name__}-{'-'.join(o)}" for c, _, o in CASES]


def start(seed=0, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s).astype(np.float32) for s in shapes]


def gradients(steps, seed=1, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [[(0.3 + rng.normal(size=s)).astype(np.float32) for s in shapes] for _ in range(steps)]


def give(params, values):
    for p, g in zip(params, values):
        p.grad = None if g is None else from_numpy(np.array(g, np.float32))


@pytest.mark.parametrize("kind, formula, options", CASES, ids=IDS)
def test_fifty_steps(kind, formula, options):
    values, grads = start(), gradients(50)
    params = [nn.Parameter(v) for v in values]
    opt = kind(params, **options)
    for g in grads:
        give(params, g)
        opt.step()
    for i, (p, v) in enumerate(zip(params, values)):
        wanted = formula(v.astype(np.float64), [g[i].astype(np.float64) for g in grads], **options)
        np.testing.assert_allclose(p.numpy(), wanted, rtol=2e-5, atol=5e-6)


def test_bias_correction_is_exact_at_the_start():
    """The first step of Adam is lr * sign(g): 1 - beta**t must not lose digits for beta2 near 1."""
    p = nn.Parameter(np.zeros(4))
    opt = optim.Adam([p], lr=1.0, betas=(0.9, 0.999999), eps=0.0)
    give([p], [[1e-3, -2.0, 5.0, -1e4]])
    opt.step()
    np.testing.assert_allclose(p.numpy(), [-1, 1, -1, 1], rtol=1e-6)


def loss_of(net, x):
    return (net(x) * net(x)).mean()


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop])
def test_backward_fills_the_flat_memory_and_learning_works(kind):
    grilly_vk.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 9), nn.Linear(9, 3))
    x = np.random.default_rng(0).normal(size=(16, 6)).astype(np.float32)
    plain = [p.numpy() for p in net.parameters()]
    loss_of(net, x).backward()
    wanted = [p.grad.numpy() for p in net.parameters()]
    net.zero_grad()

    opt = kind(net.parameters(), lr=0.01)
    for p, value in zip(net.parameters(), plain):
        np.testing.assert_array_equal(p.numpy(), value)
    loss_of(net, x).backward()
    loss_of(net, x).backward()  # adds up
    for p, g in zip(net.parameters(), wanted):
        assert p.grad.buffer is p.home.buffer
        np.testing.assert_allclose(p.grad.numpy(), 2 * g, rtol=1e-6)
    losses = []
    for _ in range(30):
        opt.zero_grad()
        loss = loss_of(net, x)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.fixture
def launched(monkeypatch):
    """Names of the kernels launched, but for the debug mode's fills."""
    engine = from_numpy(np.zeros(1, np.float32)).engine
    names, issue = [], engine.issue

    def note(pipeline, *args):
        if pipeline.name != "fill":
            names.append(pipeline.name)
        issue(pipeline, *args)

    monkeypatch.setattr(engine, "issue", note)
    return names


def test_one_dispatch_a_group(launched):
    params = [nn.Parameter(v) for v in start()]
    opt = optim.Adam([{"params": params[:3]}, {"params": params[3:], "lr": 0.1}])
    loss = sum(((p * p).sum() for p in params[1:]), (params[0] * params[0]).sum())
    loss.backward()
    launched.clear()
    opt.step()
    assert launched == ["optim-adam"] * 2


def test_parameters_without_gradient_are_skipped_with_their_count():
    values = start(shapes=[(5,)] * 4)
    params = [nn.Parameter(v) for v in values]
    opt = optim.Adam(params, lr=0.1, weight_decay=0.5)
    masks = [(1, 1, 1, 1), (1, 0, 1, 1), (0, 0, 0, 0), (1, 0, 0, 1), (1, 1, 1, 1), (0, 1, 0, 1)]
    taken = [[], [], [], []]
    for mask, grads in zip(masks, gradients(len(masks), shapes=[(5,)] * 4)):
        give(params, [g if on else None for on, g in zip(mask, grads)])
        opt.step()
        for i, on in enumerate(mask):
            if on:
                taken[i].append(grads[i].astype(np.float64))
    for p, v, g in zip(params, values, taken):
        np.testing.assert_allclose(p.numpy(), adam(v.astype(np.float64), g, lr=0.1, weight_decay=0.5), rtol=1e-5)
    assert [opt.state_dict()["state"][i]["step"] for i in range(4)] == [len(g) for g in taken]


def test_a_parameter_that_never_has_a_gradient_has_no_state():
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0], requires_grad=False)
    opt = optim.Adam([a, b])
    (a * 2.0).sum().backward()
    opt.step()
    assert list(opt.state_dict()["state"]) == [0]
    assert b.item() == 1.0


def test_zero_grad_and_closure():
    p = nn.Parameter([2.0])
    opt = optim.SGD([p], lr=0.1)

    def closure():
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with grilly_vk.no_grad():
        assert opt.step(closure).item() == 4.0
    np.testing.assert_allclose(p.numpy(), [1.6])
    opt.zero_grad(set_to_none=False)
    assert p.grad.item() == 0.0
    opt.step()
    np.testing.assert_allclose(p.numpy(), [1.6])
    opt.zero_grad()
    assert p.grad is None


def test_plain_tensors_and_two_optimizers_of_one_parameter():
    t = Tensor(from_numpy(np.ones(3, np.float32)).buffer, (3,), np.float32, from_numpy(np.ones(1, np.float32)).engine)
    t.requires_grad_()
    first, second = optim.SGD([t], lr=1.0), optim.SGD([t], lr=0.5)
    for opt, wanted in ((first, 0.0), (second, -0.5), (first, -1.5)):
        give([t], [np.ones(3)])
        opt.step()
        np.testing.assert_array_equal(t.numpy(), [wanted] * 3)


def test_what_shares_memory_with_a_parameter_stays_with_it():
    """Views from before the optimizer, and the tensor that the parameter was made of, both ways."""
    given = from_numpy(np.arange(6, dtype=np.float32))
    model = nn.Sequential(nn.Linear(3, 2))
    model[0].weight = nn.Parameter(given.view(2, 3))
    p = model[0].weight
    state, off, flat, rows = model.state_dict(), p.detach(), p.detach().view(6), p.detach()._rows(1, 2)
    loss = (p * p).sum()
    gc.collect()
    before = grilly_vk.memory_stats()["bytes_in_use"]
    for opt in (optim.SGD([p], lr=1.0), optim.SGD([p], lr=1.0), optim.SGD(model.parameters(), lr=1.0)):
        start = p.numpy()
        give([p], [np.ones((2, 3))])
        opt.step()
        for view in (given, state["0.weight"], off, flat):
            np.testing.assert_array_equal(view.numpy().reshape(2, 3), start - 1)
        np.testing.assert_array_equal(rows.numpy(), start[1:] - 1)
        assert off.version == given.version == p.version
        rows.assign(np.full((1, 3), 9.0, np.float32))  # and from a view into the parameter
        give([p], [np.zeros((2, 3))])
        opt.step()
        np.testing.assert_array_equal(p.numpy()[1], [9.0] * 3)
    p.grad = None
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()
    del opt, loss, given, state, off, flat, rows, p, model, view
    gc.collect()
    assert grilly_vk.memory_stats()["bytes_in_use"] <= before


@pytest.mark.parametrize("kind, formula", [(optim.SGD, sgd), (optim.Adam, adam)])
def test_parameters_that_share_memory_are_changed_one_after_the_other(kind, formula):
    """Two parameters on one memory, a part of one, and one that numpy sees: each by its own gradient and state."""
    base = from_numpy(np.arange(1, 9, dtype=np.float32))
    first, second = nn.Parameter(base), nn.Parameter(base.view(2, 4))
    part, other = nn.Parameter(base._rows(2, 5)), nn.Parameter(np.ones(3))
    seen = np.from_dlpack(other) if other.engine.host_visible else None
    params = [first, other, second, part]
    opt = kind(params, lr=0.1)
    grads = gradients(4, shapes=[p.shape for p in params])
    updates = [[] for _ in params]
    w, x = np.arange(1, 9, dtype=np.float64), np.ones(3)
    for step in grads:
        give(params, step)
        opt.step()
        for i, (target, g) in enumerate(((w, step[0]), (x, step[1]), (w.reshape(2, 4), step[2]), (w[2:5], step[3]))):
            updates[i].append(g.astype(np.float64))
            new, old = (formula(np.zeros_like(target), updates[i][:k], lr=0.1) for k in (None, -1))
            target += new - old  # no weight decay: the change does not depend on the value
        for p in (first, second, base):
            np.testing.assert_allclose(p.numpy().reshape(-1), w, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(part.numpy(), w[2:5], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(other.numpy(), x, rtol=1e-5, atol=1e-6)
        if seen is not None:
            np.testing.assert_array_equal(seen, other.numpy())
    assert sorted(opt.state_dict()["state"]) == [0, 1, 2, 3]


def test_tied_weights_learn_inside_a_recorded_step():
    def losses(wrap):
        base = from_numpy(np.eye(3, dtype=np.float32))
        down, up = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        down.weight, up.weight = nn.Parameter(base), nn.Parameter(base)
        opt = optim.Adam([down.weight, up.weight], lr=0.05)

        @wrap
        def step(x):
            opt.zero_grad()
            loss = ((up(down(x)) - 1.0) ** 2).mean()
            loss.backward()
            opt.step()
            return loss

        x = start(shapes=[(5, 3)])[0]
        out = [step(x).item() for _ in range(6)]
        np.testing.assert_array_equal(down.weight.numpy(), up.weight.numpy())
        return out

    plain = losses(lambda f: f)
    assert plain == losses(grilly_vk.compile) and plain[-1] < plain[0]


def test_a_graph_of_an_alias_notices_that_the_memory_was_moved():
    p = nn.Parameter(np.ones(4))
    out = grilly_vk.zeros(4)
    with grilly_vk.capture() as graph:
        out.assign(p.detach())
    optim.SGD([p], lr=0.1)
    with pytest.raises(RuntimeError, match="was moved to other memory"):
        graph.replay()


def test_a_step_counts_as_an_in_place_change_of_its_parameters_only():
    a, b = nn.Parameter([2.0]), nn.Parameter([3.0])
    opt = optim.SGD([a, b], lr=0.1)
    loss_a, loss_b = (a * a).sum(), (b * b).sum()
    give([a], [[1.0]])
    opt.step()
    loss_b.backward()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss_a.backward()


# ---- settings on the device ----


def test_settings_change_between_steps():
    p = nn.Parameter([0.0])
    opt = optim.SGD([p], lr=1.0, momentum=0.5)
    for lr, momentum, wanted in ((1.0, 0.5, -1.0), (0.1, 0.5, -1.15), (0.1, 0.0, -1.25)):
        opt.param_groups[0].update(lr=lr, momentum=momentum)
        give([p], [[1.0]])
        opt.step()
        np.testing.assert_allclose(p.numpy(), [wanted], rtol=1e-6)


def test_a_captured_step_counts_and_follows_the_learning_rate():
    def run(captured):
        grilly_vk.manual_seed(3)
        net = nn.Linear(4, 3)
        x = from_numpy(np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32))
        opt = optim.Adam(net.parameters(), lr=0.1)
        plan = optim.StepLR(opt, 2, 0.5)

        def step():
            opt.zero_grad()
            loss = loss_of(net, x)
            loss.backward()
            optim.clip_grad_norm_(net.parameters(), 0.5)
            opt.step()

        if captured:
            with grilly_vk.capture() as graph:
                step()
        for _ in range(6):
            graph.replay() if captured else step()
            plan.step()
        return [p.numpy() for p in net.parameters()], opt.state_dict()["state"][0]["step"]

    eager, graph = run(False), run(True)
    for a, b in zip(eager[0], graph[0]):
        np.testing.assert_array_equal(a, b)
    assert eager[1] == graph[1] == 6


def test_loading_reaches_a_captured_graph():
    p = nn.Parameter(np.ones(3))
    opt = optim.Adam([p], lr=0.1)
    give([p], [np.ones(3)])
    opt.step()
    state = opt.state_dict()
    state["state"] = {0: {k: np.asarray(v) if k != "step" else v for k, v in state["state"][0].items()}}
    with grilly_vk.capture() as graph:
        opt.step()
    graph.replay()
    opt.load_state_dict(state)
    graph.replay()
    assert opt.state_dict()["state"][0]["step"] == 2


def test_not_inside_a_capture():
    p = nn.Parameter([1.0])
    with grilly_vk.capture(), pytest.raises(RuntimeError, match="can't be made inside a captured graph"):
        optim.SGD([p])


def test_split_groups_when_a_buffer_is_too_large(monkeypatch):
    values = start(shapes=[(200,), (300,), (100,)])
    params = [nn.Parameter(v) for v in values]
    monkeypatch.setattr(params[0].engine.memory, "max_bytes", 4 * 2 * (500 + 256))
    opt = optim.Adam(params, lr=0.1)
    assert [len(f.params) for f in opt.param_groups[0].flats] == [2, 1]
    grads = gradients(3, shapes=[(200,), (300,), (100,)])
    for g in grads:
        give(params, g)
        opt.step()
    for i, p in enumerate(params):
        wanted = adam(values[i].astype(np.float64), [g[i].astype(np.float64) for g in grads], lr=0.1)
        np.testing.assert_allclose(p.numpy(), wanted, rtol=1e-5, atol=1e-6)
    assert sorted(opt.state_dict()["state"]) == [0, 1, 2]


# ---- state ----


@pytest.mark.parametrize("kind, formula, options", CASES, ids=IDS)
def test_state_dict_goes_on_with_the_same_bits(kind, formula, options):
    values, grads = start(), gradients(8)
    params = [nn.Parameter(v) for v in values]
    opt = kind(params, **options)
    for g in grads[:4]:
        give(params, g)
        opt.step()
    kept = [p.numpy() for p in params]
    state = opt.state_dict()
    twins = [nn.Parameter(v) for v in kept]
    other = kind(twins, **{**options, "lr": 0.5})
    other.load_state_dict(state)
    for g in grads[4:]:
        for o, ps in ((opt, params), (other, twins)):
            give(ps, g)
            o.step()
    for a, b in zip(params, twins):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert other.state_dict()["param_groups"] == opt.state_dict()["param_groups"]


def test_load_state_dict_refuses_and_changes_nothing():
    p = nn.Parameter(np.ones(3))
    opt = optim.Adam([p], lr=0.1)
    give([p], [np.ones(3)])
    opt.step()
    good = opt.state_dict()
    group, entry = good["param_groups"][0], good["state"][0]
    for bad, error, text in (
        ([], TypeError, "state_dict must be a dict"),
        ({**good, "param_groups": []}, ValueError, "0 parameter groups"),
        ({**good, "param_groups": [{**group, "params": [0, 1]}]}, ValueError, "has 2 parameters; expected 1"),
        ({**good, "param_groups": [{**group, "rho": 1}]}, ValueError, r"unexpected \['rho'\]"),
        ({**good, "param_groups": [{**group, "lr": -1}]}, ValueError, "lr must not be negative"),
        ({**good, "param_groups": [{**group, "amsgrad": True}]}, ValueError, "amsgrad=True"),
        ({**good, "state": {0: {**entry, "exp_avg": np.zeros(4)}}}, ValueError, r"exp_avg has shape \(4,\)"),
        ({**good, "state": {0: {"step": 1}}}, ValueError, "must have the entries"),
        ({**good, "state": {0: {**entry, "step": -1}}}, ValueError, "step must be a whole number"),
        ({**good, "state": {**good["state"], 7: entry}}, ValueError, r"belong to no parameter: \[7\]"),
    ):
        with pytest.raises(error, match=text):
            opt.load_state_dict(bad)
        after = opt.state_dict()
        assert after["param_groups"] == [group] and after["state"][0]["step"] == 1
        np.testing.assert_allclose(after["state"][0]["exp_avg"].numpy(), [0.1] * 3, rtol=1e-6)


def test_add_param_group():
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    opt = optim.SGD([a], lr=0.1)
    opt.add_param_group({"params": b, "lr": 0.5})
    give([a, b], [[1.0], [1.0]])
    opt.step()
    np.testing.assert_allclose([a.item(), b.item()], [0.9, 0.5])
    assert "lr=0.5" in repr(opt)
    with pytest.raises(ValueError, match="was given twice"):
        opt.add_param_group({"params": [a]})


P = nn.Parameter


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: optim.SGD([]), ValueError, "params is empty"),
        (lambda: optim.SGD(3), TypeError, "params must be an iterable"),
        (lambda: optim.SGD(P([1.0])), TypeError, "params must be an iterable"),
        (lambda: optim.SGD([3]), TypeError, "number 0 is int"),
        (lambda: optim.SGD([P([1.0]) * 2.0]), ValueError, "recorded result"),
        (lambda: optim.SGD([nn.Buffer([1])]), TypeError, "float32"),
        (lambda: optim.SGD([{"params": []}]), ValueError, "holds no parameters"),
        (lambda: optim.SGD([{"lr": 1.0}]), ValueError, 'has no "params"'),
        (lambda: optim.SGD([{"params": [P([1.0])], "betas": 1}]), ValueError, "does not know: betas"),
        (lambda: optim.SGD([{"params": [P([1.0])]}, P([1.0])]), TypeError, "must be a dict"),
        (lambda: optim.SGD([P([1.0])], lr=-1), ValueError, "lr must not be negative"),
        (lambda: optim.SGD([P([1.0])], lr="a"), TypeError, "lr must be a number"),
        (lambda: optim.SGD([P([1.0])], nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda: optim.SGD([P([1.0])], nesterov=1), TypeError, "nesterov must be True or False"),
        (lambda: optim.SGD([P([1.0])], momentum=float("nan")), ValueError, "momentum must be finite"),
        (lambda: optim.Adam([P([1.0])], betas=0.9), TypeError, "betas must be a pair"),
        (lambda: optim.Adam([P([1.0])], betas=(0.9, 1.0)), ValueError, r"betas\[1\] must lie in \[0, 1\)"),
        (lambda: optim.Adam([P([1.0])], eps=-1), ValueError, "eps must not be negative"),
        (lambda: optim.RMSprop([P([1.0])], alpha=1), ValueError, "alpha must lie in"),
        (lambda: optim.SGD([P([1.0])]).param_groups[0].update(lr=-1), ValueError, "lr must not be negative"),
        (lambda: optim.SGD([P([1.0])]).param_groups[0].update(momentum=0.9), ValueError, "without the state"),
        (lambda: optim.SGD([P([1.0])]).param_groups[0].update(params=[]), ValueError, "params can't be changed"),
        (lambda: optim.Adam([P([1.0])]).param_groups[0].update(amsgrad=True), ValueError, "amsgrad can't be changed"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_gradient_of_another_shape_is_refused():
    p = nn.Parameter([1.0, 2.0])
    opt = optim.SGD([p])
    p.grad = from_numpy(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"a gradient has shape \(3,\)"):
        opt.step()


# ---- clipping ----


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("norm_type", [2.0, float("inf"), 1.0, 3.0])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clip_grad_norm(flat, norm_type, max_norm):
    shapes = [*SHAPES, (5000,), (70_000,)]
    values = gradients(1, shapes=shapes)[0]
    params = [nn.Parameter(np.zeros(s)) for s in shapes]
    if flat:
        opt = optim.SGD(params)
        for p, v in zip(params, values):
            (p * from_numpy(v)).sum().backward()
        assert opt.param_groups
    else:
        give(params, values)
    whole = np.concatenate([v.ravel() for v in values]).astype(np.float64)
    norm = np.linalg.norm(whole, norm_type)
    got = optim.clip_grad_norm_(params, max_norm, norm_type)
    assert got.shape == ()
    np.testing.assert_allclose(got.item(), norm, rtol=1e-5)
    factor = min(1, max_norm / (norm + 1e-6))
    for p, v in zip(params, values):
        np.testing.assert_allclose(p.grad.numpy(), v * factor, rtol=1e-5)


def test_clip_takes_few_dispatches_in_flat_memory(launched):
    params = [nn.Parameter(np.ones(5)) for _ in range(20)]
    opt = optim.SGD(params)
    sum(((p * p).sum() for p in params[1:]), (params[0] * params[0]).sum()).backward()
    launched.clear()
    optim.clip_grad_norm_(opt.param_groups[0]["params"], 1.0)
    assert launched == ["grad-norm.vec4", "grad-norm", "grad-clip.vec4"]


def test_clip_grad_value():
    p = nn.Parameter(np.zeros(5))
    give([p], [[-3, -0.5, 0.0, np.nan, 7]])
    optim.clip_grad_value_(p, 1.5)
    np.testing.assert_array_equal(p.grad.numpy(), [-1.5, -0.5, 0, np.nan, 1.5])


def test_clip_rare_and_bad():
    p = nn.Parameter(np.zeros(2))
    assert optim.clip_grad_norm_([p], 1.0).item() == 0.0
    for norm_type in (2.0, float("inf")):
        give([p], [[np.nan, 1]])
        with pytest.raises(RuntimeError, match="norm is nan; no gradient was changed"):
            optim.clip_grad_norm_([p], 1.0, norm_type, error_if_nonfinite=True)
        assert p.grad.numpy()[1] == 1
        assert math.isnan(optim.clip_grad_norm_([p], 1.0, norm_type).item())
        assert np.isnan(p.grad.numpy()).all()
    give([p], [[3, 4]])
    assert optim.clip_grad_norm_(p, float("inf")).item() == 5.0 and p.grad.numpy()[1] == 4
    for call, error, text in (
        (lambda: optim.clip_grad_norm_([3], 1.0), TypeError, "number 0 is int"),
        (lambda: optim.clip_grad_norm_([p], -1.0), ValueError, "max_norm must not be negative"),
        (lambda: optim.clip_grad_norm_([p], 1.0, 0), ValueError, "norm_type must be positive"),
        (lambda: optim.clip_grad_value_([p], -1), ValueError, "clip_value must not be negative"),
    ):
        with pytest.raises(error, match=text):
            call()


def test_a_nan_step_leaves_nothing_behind_in_the_padding():
    p = nn.Parameter(np.zeros(5))
    opt = optim.SGD([p], lr=0.0)
    (p * from_numpy(np.array([np.nan, 1, 1, 1, 1], np.float32))).sum().backward()
    optim.clip_grad_norm_([p], 1.0)
    opt.zero_grad()
    p.sum().backward()
    np.testing.assert_allclose(optim.clip_grad_norm_([p], 9.0).item(), math.sqrt(5), rtol=1e-6)


# ---- schedules ----


def rates(plan, steps):
    out = []
    for _ in range(steps):
        out.append(plan.get_last_lr()[0])
        plan.step()
    return out


def sgd_at(lr=1.0, **options):
    return optim.SGD([nn.Parameter([1.0])], lr=lr, **options)


def test_step_lr():
    np.testing.assert_allclose(rates(optim.StepLR(sgd_at(0.5), 3, 0.1), 7), [0.5] * 3 + [0.05] * 3 + [0.005])


def test_cosine():
    plan = optim.CosineAnnealingLR(sgd_at(2.0), 10, 0.5)
    np.testing.assert_allclose(rates(plan, 21), [0.5 + 0.75 * (1 + math.cos(math.pi * t / 10)) for t in range(21)])


def test_warmup_and_sequence():
    np.testing.assert_allclose(rates(optim.LinearWarmup(sgd_at(1.0), 4, 0.2), 6), [0.2, 0.4, 0.6, 0.8, 1, 1])
    opt = sgd_at(1.0)
    plan = optim.SequentialLR(opt, [optim.LinearWarmup(opt, 4, 0.2), optim.StepLR(opt, 2, 0.1)], [4])
    np.testing.assert_allclose(rates(plan, 9), [0.2, 0.4, 0.6, 0.8, 1, 1, 0.1, 0.1, 0.01])


def one_cycle(t, total, peak, pct=0.3, div=25.0, final=1e4, three=False):
    """PyTorch's documented phases, by linear interpolation of the phase's share."""
    start, end = peak / div, peak / div / final
    up = pct * total - 1
    phases = [(0, up, start, peak), (up, total - 1, peak, end)]
    if three:
        down = 2 * pct * total - 2
        phases = [(0, up, start, peak), (up, down, peak, start), (down, total - 1, start, end)]
    for a, b, x, y in phases:
        if t <= b:
            return y + (x - y) / 2 * (1 + math.cos(math.pi * (t - a) / (b - a)))
    raise AssertionError


@pytest.mark.parametrize("three", [False, True])
def test_one_cycle(three):
    opt = sgd_at(0.3, momentum=0.9)
    plan = optim.OneCycleLR(opt, 2.0, total_steps=40, three_phase=three)
    assert opt.param_groups[0]["momentum"] == pytest.approx(0.95)
    momenta, got = [], []
    for t in range(40):
        got.append(plan.get_last_lr()[0])
        momenta.append(opt.param_groups[0]["momentum"])
        if t < 39:
            plan.step()
    np.testing.assert_allclose(got, [one_cycle(t, 40, 2.0, three=three) for t in range(40)], rtol=1e-9)
    assert min(momenta) == pytest.approx(0.85) and momenta[-1] == pytest.approx(0.95)
    assert got[0] == pytest.approx(0.08) and max(got) == pytest.approx(2.0)
    assert got[-1] == pytest.approx(8e-6)
    plan.step()  # a step after each of 40 batches
    assert plan.get_last_lr()[0] == got[-1]
    with pytest.raises(ValueError, match="total_steps=40"):
        plan.step()
    assert plan.last_epoch == 40


def test_one_cycle_linear_and_betas():
    opt = optim.Adam([nn.Parameter([1.0])])
    plan = optim.OneCycleLR(opt, 1.0, epochs=5, steps_per_epoch=4, anneal_strategy="linear", pct_start=0.5)
    got = []
    for t in range(20):
        got.append(plan.get_last_lr()[0])
        if t < 19:
            plan.step()
    np.testing.assert_allclose(got[:10], np.linspace(0.04, 1, 10))
    np.testing.assert_allclose(got[9:], np.linspace(1, 4e-6, 11))
    assert opt.param_groups[0]["betas"] == (pytest.approx(0.95), 0.999)


def test_schedules_save_and_load():
    def make():
        opt = sgd_at(1.0, momentum=0.9)
        inner = [optim.LinearWarmup(opt, 3), optim.CosineAnnealingLR(opt, 5)]
        return opt, optim.SequentialLR(opt, inner, [3])

    opt, plan = make()
    rates(plan, 4)
    kept = plan.state_dict(), opt.state_dict()
    other_opt, other = make()
    other_opt.load_state_dict(kept[1])
    other.load_state_dict(kept[0])
    assert other.get_last_lr() == plan.get_last_lr() and rates(other, 4) == rates(plan, 4)
    with pytest.raises(ValueError, match="is of a StepLR"):
        optim.CosineAnnealingLR(opt, 3).load_state_dict(optim.StepLR(opt, 3).state_dict())
    with pytest.raises(TypeError, match="state_dict must be"):
        optim.StepLR(opt, 3).load_state_dict([])


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda o: optim.StepLR(3, 1), TypeError, "optimizer must be an Optimizer"),
        (lambda o: optim.StepLR(o, 0), ValueError, "step_size must be at least 1"),
        (lambda o: optim.CosineAnnealingLR(o, 1.5), TypeError, "T_max must be a whole number"),
        (lambda o: optim.LinearWarmup(o, 3, 2.0), ValueError, "start_factor must lie in"),
        (lambda o: optim.OneCycleLR(o, 1.0), ValueError, "give total_steps"),
        (lambda o: optim.OneCycleLR(o, 1.0, 10), ValueError, "cycle_momentum needs"),
        (lambda o: optim.OneCycleLR(o, [1.0, 2.0], 10), ValueError, "2 values for 1 parameter groups"),
        (lambda o: optim.OneCycleLR(o, 1.0, 10, anneal_strategy="x"), ValueError, "anneal_strategy must be one of"),
        (lambda o: optim.SequentialLR(o, [], []), TypeError, "at least one"),
        (lambda o: optim.SequentialLR(o, [optim.StepLR(o, 1)], [3]), ValueError, "1 schedulers need 0 milestones"),
        (lambda o: optim.SequentialLR(o, [optim.StepLR(sgd_at(), 1)], []), ValueError, "same optimizer"),
    ],
)
def test_bad_schedules(call, error, text):
    with pytest.raises(error, match=text):
        call(sgd_at())


# ---- steady state ----


STEADY = """
import numpy as np
import grilly_vk
from grilly_vk import nn, optim
from steady import resident

net = nn.Linear(8, 4)
opt = optim.Adam(net.parameters(), lr=1e-3)
plan = optim.CosineAnnealingLR(opt, 100_000)  # another rate at each step
x = grilly_vk.ones((4, 8))

def steps(n):
    for _ in range(n):
        opt.zero_grad()
        net(x).sum().backward()
        optim.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        plan.step()
        grilly_vk.synchronize()
    return resident(), grilly_vk.memory_stats()

_, first = steps(2500)  # the allocator settles
growth = []
for _ in range(5):
    before = resident()
    after, last = steps(1000)
    growth.append(after - before)
for name in ("bytes_in_use", "bytes_peak", "bytes_reserved", "segments", "programs"):
    assert last[name] <= first[name], (name, first, last)
assert min(growth) < 600 << 10, growth  # 600 bytes per step
assert last["submits"] - last["replayed_submits"] < 100, last  # what was recorded once serves all steps
"""


@needs_proc
def test_five_thousand_steps_do_not_grow_memory(snippet):
    """In a process of its own, for what other tests leave behind moves the host's memory."""
    snippet(STEADY, timeout=300)
