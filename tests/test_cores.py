"""Recurrent cores: values and gradients against float64 with derivatives carried forward, and every argument."""

import copy

import core_reference as reference
import numpy as np
import pytest
from tuned import recurrence as take

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

FEED = {"if": nn.IF, "lif": nn.LIF, "li": nn.LI, "alif": nn.ALIF, "cuba": nn.CuBaLIF}
LOOPED = {"if": nn.RIF, "lif": nn.RLIF, "cuba": nn.RCuBaLIF}
CORES = {**FEED, **{f"r{kind}": cls for kind, cls in LOOPED.items()}}
SECOND = {"alif": "gamma", "cuba": "alpha"}
SIZES = [(12, 3, 4), (9, 1, 5), (6, 2, 1), (1, 2, 3)]  # T, B, n: four a load, odd, one neuron, one step


def kind_of(name):
    return name[1:] if name in ("rif", "rlif", "rcuba") else name


def numbers(name, T, B, n, seed=0):
    """Input, first states and constants (None where there are none), float32."""
    rng = np.random.default_rng([seed, T, B, n])
    kind = kind_of(name)
    given = {
        "xs": rng.normal(0.4, 0.9, (T, B, n)),
        "v": rng.uniform(-0.3, 1.4, (B, n)),
        "u": rng.uniform(0.0, 0.6, (B, n)) if kind in SECOND else None,
        "beta": rng.uniform(0.1, 0.95, n) if kind != "if" else None,
        "second": rng.uniform(0.1, 0.95, n) if kind in SECOND else None,
        "w": rng.normal(0, 0.5, (n, n)) if name != kind else None,
    }
    return {k: None if v is None else v.astype(np.float32) for k, v in given.items()}


def built(name, n, given, **more):
    """A core with these constants."""
    core = CORES[name]((n,), **more)
    with grilly_vk.no_grad():
        for key, attribute in (("beta", "beta"), ("second", SECOND.get(kind_of(name))), ("w", "recurrent_w")):
            if given[key] is not None:
                getattr(core, attribute).assign(np.broadcast_to(given[key], getattr(core, attribute).shape).copy())
    return core


def states(given):
    """v, and u beside it."""
    return given["v"] if given["u"] is None else np.concatenate([given["v"], given["u"]], -1)


def ours(core, given, cy, cs):
    """Outputs, last state and all gradients of (outs * cy).sum() + (last state * cs).sum()."""
    xs = grilly_vk.tensor(given["xs"], requires_grad=True)
    state = grilly_vk.tensor(states(given), requires_grad=True)
    outs, last = F.unroll(core, xs, state)
    ((outs * grilly_vk.tensor(cy)).sum() + (last * grilly_vk.tensor(cs)).sum()).backward()
    found = {"outs": outs, "last": last, "xs": xs.grad, "state": state.grad}
    found |= {key: p.grad for key, p in core.named_parameters()}
    return {key: t.numpy() for key, t in found.items()}


def theirs(name, given, cy, cs, **more):
    """The same in float64."""
    kind, n = kind_of(name), given["v"].shape[-1]
    names = [k for k, v in given.items() if v is not None]
    made = dict(zip(names, reference.duals(*(given[k] for k in names))))
    size = len(made["xs"].slope)
    u = made.get("u", reference.Dual(given["v"] * 0.0, np.zeros((size, *given["v"].shape))))
    constants = {k: made[k] for k in ("beta", "second", "w") if k in made}
    outs, v, u = reference.unroll(kind, made["xs"], made["v"], u, **constants, **more)
    slope = sum((o.slope * c).sum((1, 2)) for o, c in zip(outs, cy)) + (v.slope * cs[..., :n]).sum((1, 2))
    slope = slope + (u.slope * cs[..., n:]).sum((1, 2)) if kind in SECOND else slope
    parts = np.split(slope, np.cumsum([np.size(given[k]) for k in names])[:-1])
    grads = {k: part.reshape(np.shape(given[k])) for k, part in zip(names, parts)}
    last = v.value if kind not in SECOND else np.concatenate([v.value, u.value], -1)
    found = {"outs": np.stack([o.value for o in outs]), "last": last, "xs": grads["xs"]}
    found["state"] = grads["v"] if "u" not in grads else np.concatenate([grads["v"], grads["u"]], -1)
    for key, attribute in (("beta", "beta"), ("second", SECOND.get(kind)), ("w", "recurrent_w")):
        if key in grads:
            found[attribute] = grads[key]
    return found


def compare(got, expected, rtol=3e-5):
    """Same names, and values to float32's rounding over the steps, by the largest of each."""
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, rtol, rtol * max(1e-3, np.abs(value).max()), err_msg=key)


def cotangents(given, seed=1):
    rng = np.random.default_rng(seed)
    shape = states(given).shape
    return (rng.standard_normal(s).astype(np.float32) for s in (given["xs"].shape, shape))


WAYS = [
    (name, way) for name in CORES for way in (["whole", "hosted"] if name in FEED else ["whole", "stepped", "hosted"])
]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("name", "way"), WAYS)
def test_values_and_gradients(name, way, size, monkeypatch):
    """From a given first state, one constant per unit."""
    take(way, monkeypatch)
    given = numbers(name, *size)
    cy, cs = cotangents(given)
    got = ours(built(name, size[2], given), given, cy, cs)
    compare(got, theirs(name, given, cy, cs))
    if name != "li" and size[0] > 4:
        assert 0.05 < got["outs"].mean() < 0.95
        assert set(np.unique(got["outs"])) == {0.0, 1.0}


@pytest.mark.parametrize(("name", "way"), [w for w in WAYS if w[0] in ("lif", "alif", "rcuba")])
def test_given_constants_are_learnable_scalars(name, way, monkeypatch):
    """One value for all units, 0 among them, and its gradient: the sum over the units."""
    take(way, monkeypatch)
    for beta, second in ((0.0, 0.6), (0.7, 0.0)):
        given = numbers(name, 10, 2, 4)
        given |= {"beta": np.float32(beta), "second": np.float32(second) if given["u"] is not None else None}
        more = {"beta": beta}
        if given["u"] is not None:
            more[SECOND[kind_of(name)]] = second
        core = CORES[name]((4,), **more)
        assert core.beta.shape == () and core.beta.item() == np.float32(beta)
        if given["w"] is not None:
            core.recurrent_w.detach().assign(given["w"])
        cy, cs = cotangents(given)
        compare(ours(core, given, cy, cs), theirs(name, given, cy, cs))


@pytest.mark.parametrize(("name", "way"), [w for w in WAYS if w[0] in ("lif", "li", "alif", "rlif", "rcuba")])
def test_constants_are_clipped_where_they_are_used(name, way, monkeypatch):
    """Beyond [0, 1] they count as its end and get no gradient; at the ends they get all of it."""
    take(way, monkeypatch)
    given = numbers(name, 8, 2, 4)
    given["beta"] = np.array([-0.3, 1.2, 0.0, 1.0], np.float32)
    if given["second"] is not None:
        given["second"] = np.array([1.0, 0.0, 1.5, -0.1], np.float32)
    core, (cy, cs) = built(name, 4, given), cotangents(given)
    got = ours(core, given, cy, cs)
    compare(got, theirs(name, given, cy, cs))
    np.testing.assert_array_equal(core.beta.numpy(), given["beta"])
    np.testing.assert_array_equal(got["beta"] != 0, [False, False, True, True])


@pytest.mark.parametrize(
    ("name", "slope", "activation"),
    [
        ("lif", "triangular", nn.Triangular(0.7)),
        ("alif", "atan", nn.CustomSurrogate(lambda z: 1.0 / (1.0 + (z * float(np.pi)) ** 2))),
        ("rcuba", "atan", nn.CustomSurrogate(lambda z: 1.0 / (1.0 + (z * float(np.pi)) ** 2))),
        ("rlif", "atan", nn.CustomSurrogate("1.0 / (1.0 + 9.8696044 * x * x)")),
        ("cuba", "atan", nn.CustomSurrogate("1.0 / (1.0 + 9.8696044 * x * x)")),
    ],
    ids=["lif-triangular", "alif-function", "rcuba-function", "rlif-text", "cuba-text"],
)
@pytest.mark.parametrize("way", ["whole", "stepped", "hosted"])
def test_threshold_and_activation(name, slope, activation, way, monkeypatch):
    take(way, monkeypatch)
    given = numbers(name, 9, 2, 4)
    core, (cy, cs) = built(name, 4, given, threshold=0.6, activation=activation), cotangents(given)
    compare(ours(core, given, cy, cs), theirs(name, given, cy, cs, threshold=0.6, slope=slope))


@pytest.mark.parametrize("name", CORES)
def test_single_steps_are_the_run(name):
    """A loop of core(x, state) gives the run's outputs and gradients; no state that came is changed."""
    given = numbers(name, 7, 3, 4)
    core, (cy, cs) = built(name, 4, given), cotangents(given)
    run = ours(core, given, cy, cs)
    core.zero_grad()
    xs, state = (grilly_vk.tensor(a, requires_grad=True) for a in (given["xs"], states(given)))
    seen, outs, now = [], [], state
    for t in range(7):
        seen.append((now, now.numpy().copy()))
        out, now = core(xs[t], now)
        assert out.is_spikes == (name != "li")  # so that the layer behind may go by events
        outs.append(out)
    outs = grilly_vk.stack(outs)
    ((outs * grilly_vk.tensor(cy)).sum() + (now * grilly_vk.tensor(cs)).sum()).backward()
    for tensor, before in seen:
        np.testing.assert_array_equal(tensor.numpy(), before)
    got = {"outs": outs, "last": now, "xs": xs.grad, "state": state.grad}
    got |= {key: p.grad for key, p in core.named_parameters()}
    np.testing.assert_array_equal(got["outs"].numpy() if name != "li" else 0, run["outs"] if name != "li" else 0)
    compare({k: v.numpy() for k, v in got.items()}, run, 1e-5)


@pytest.mark.parametrize("name", CORES)
def test_initial_state(name):
    core = CORES[name]((2, 3))
    last = 6 if kind_of(name) in SECOND else 3
    assert core.initial_state(4).shape == (4, 2, last)
    assert core.initial_state(None).shape == (2, last)
    np.testing.assert_array_equal(core.initial_state(4).numpy(), 0)
    x = np.random.default_rng(0).normal(0.5, 1, (6, 4, 2, 3)).astype(np.float32)
    outs, after = F.unroll(core, x)
    assert outs.shape == x.shape and after.shape == (4, 2, last)
    alone, end = F.unroll(core, x[:, 1], core.initial_state(None))
    np.testing.assert_allclose(alone.numpy(), outs.numpy()[:, 1], 1e-6, 1e-6)
    np.testing.assert_allclose(end.numpy(), after.numpy()[1], 1e-5, 1e-5)
    assert CORES[name](5).hidden_shape == (5,)


def test_shapes_of_several_axes_are_rows_of_the_last():
    """The second state follows the first along the last axis."""
    rng = np.random.default_rng(2)
    x, core = rng.normal(0.5, 1, (8, 2, 3, 4)).astype(np.float32), nn.ALIF((3, 4))
    flat = nn.ALIF((12,))
    for key in ("beta", "gamma"):
        getattr(flat, key).detach().assign(getattr(core, key).numpy().ravel())
    outs, last = F.unroll(core, x)
    wanted, end = F.unroll(flat, x.reshape(8, 2, 12))
    np.testing.assert_array_equal(outs.numpy().reshape(8, 2, 12), wanted.numpy())
    np.testing.assert_array_equal(last.numpy()[..., :4].reshape(2, 12), end.numpy()[:, :12])
    np.testing.assert_array_equal(last.numpy()[..., 4:].reshape(2, 12), end.numpy()[:, 12:])


@pytest.mark.parametrize("name", CORES)
def test_no_steps_and_no_samples(name):
    core = CORES[name]((4,))
    state = grilly_vk.tensor(np.ones(core.initial_state(2).shape, np.float32), requires_grad=True)
    outs, last = F.unroll(core, np.zeros((0, 2, 4), np.float32), state)
    assert outs.shape == (0, 2, 4)
    last.sum().backward()
    np.testing.assert_array_equal(state.grad.numpy(), 1)
    xs = grilly_vk.tensor(np.zeros((5, 0, 4), np.float32), requires_grad=True)
    outs, last = F.unroll(core, xs)
    assert outs.shape == (5, 0, 4) and last.shape[0] == 0
    outs.sum().backward()
    for parameter in core.parameters():
        np.testing.assert_array_equal(parameter.grad.numpy(), 0)


@pytest.mark.parametrize("name", ["alif", "rcuba"])
def test_long_runs_in_pieces(name, monkeypatch):
    """Runs that are cut for the device's sake give the values and gradients of one piece."""
    given = numbers(name, 23, 2, 4)
    cy, cs = cotangents(given)
    got = []
    for size in (64, 8):
        core = built(name, 4, given)
        monkeypatch.setattr(type(core.beta.engine), "steps_per_submit", lambda self, work, size=size: size)
        got.append(ours(core, given, cy, cs))
    np.testing.assert_array_equal(got[0]["outs"], got[1]["outs"])
    compare(got[1], got[0], 1e-5)


@pytest.mark.parametrize(("name", "way"), [w for w in WAYS if w[0] in ("alif", "rlif", "rcuba")])
def test_the_same_bits_twice(name, way, monkeypatch):
    take(way, monkeypatch)
    given = numbers(name, 15, 9, 12)
    core, (cy, cs) = built(name, 12, given), [np.asarray(c) for c in cotangents(given)]
    one, two = (ours(copy.deepcopy(core), given, cy, cs) for _ in range(2))
    for key in one:
        np.testing.assert_array_equal(one[key], two[key])


def test_many_neurons_in_blocks():
    """Enough elements that a CPU walks them in blocks of steps."""
    given = numbers("alif", 20, 4, 8192)
    core = built("alif", 8192, given)
    xs = grilly_vk.tensor(given["xs"], requires_grad=True)
    outs, last = F.unroll(core, xs, grilly_vk.tensor(states(given)))
    (outs.sum() + last.sum()).backward()
    few = slice(4000, 4006)
    part = {k: None if v is None else v[..., few] for k, v in given.items()}
    cy, cs = np.ones((20, 4, 6), np.float32), np.ones((4, 12), np.float32)
    expected = theirs("alif", part, cy, cs)
    np.testing.assert_array_equal(outs.numpy()[..., few], expected["outs"])
    np.testing.assert_allclose(xs.grad.numpy()[..., few], expected["xs"], 3e-5, 3e-5)
    np.testing.assert_allclose(core.beta.grad.numpy()[few], expected["beta"], 3e-5, 3e-4)


@pytest.mark.parametrize(
    ("name", "way", "batch", "n"),
    [
        ("rlif", "whole", 3, 96),
        ("rlif", "whole", 2, 301),  # several units per invocation
        ("rcuba", "whole", 2, 300),
        ("rlif", "whole", 2, 516),
        ("rlif", "whole", 1, 513),
        ("rlif", "stepped", 2, 515),  # no multiple of four: as "whole"
        ("rlif", "stepped", 2, 516),
        ("rlif", "stepped", 40, 68),
        ("rcuba", "whole", 9, 37),
        ("rcuba", "whole", 3, 520),
        ("rcuba", "stepped", 9, 96),
        ("rlif", "hosted", 9, 516),
        ("rlif", "hosted", 150, 20),
        ("rcuba", "hosted", 3, 301),
    ],
)
def test_more_recurrent_units(name, way, batch, n, monkeypatch):
    """More units than invocations, and more than one workgroup takes."""
    take(way, monkeypatch)
    given = numbers(name, 5, batch, n)
    given["w"] = (given["w"] / np.sqrt(n)).astype(np.float32)
    core, (cy, cs) = built(name, n, given), [np.asarray(c) for c in cotangents(given)]
    got = ours(core, given, cy, cs)
    double = {k: None if v is None else v.astype(np.float64) for k, v in given.items()}
    compare(got, recurrent_by_hand(kind_of(name), double, cy, cs), 1e-4)


def recurrent_by_hand(kind, given, cy, cs):
    """Backpropagation through time in float64, for more units than directions can be carried."""
    xs, v, u, w, b, c = (given[k] for k in ("xs", "v", "u", "w", "beta", "second"))
    n, kept, outs = v.shape[1], [], []
    u = np.zeros_like(v) if u is None else u
    for x in xs:
        s = (v > 1).astype(np.float64)
        kept.append((v, u, s))
        outs.append(s)
        drive = x + s @ w
        if kind == "lif":
            v = b * v + drive - s
        else:
            u = c * u + drive
            v = b * (v - s) + u
    last = v if kind == "lif" else np.concatenate([v, u], -1)
    g, a = cs[:, :n].astype(np.float64), np.zeros_like(v) if kind == "lif" else cs[:, n:].astype(np.float64)
    gx, gw, gb, gc = np.zeros_like(xs), np.zeros_like(w), np.zeros(n), np.zeros(n)
    for t in range(len(xs) - 1, -1, -1):
        v, u, s = kept[t]
        slope = reference.SLOPES["superspike"](v - 1)
        if kind == "lif":
            gx[t] = g
            gs, gb = cy[t] - g + gx[t] @ w.T, gb + (g * v).sum(0)
            gw, g = gw + s.T @ gx[t], b * g + gs * slope
        else:
            a = a + g
            gx[t] = a
            gb, gc = gb + (g * (v - s)).sum(0), gc + (a * u).sum(0)
            gs = cy[t] - b * g + gx[t] @ w.T
            gw, g, a = gw + s.T @ gx[t], b * g + gs * slope, c * a
    found = {"outs": np.stack(outs), "last": last, "xs": gx, "recurrent_w": gw, "beta": gb}
    found["state"] = g if kind == "lif" else np.concatenate([g, a], -1)
    return found if kind == "lif" else found | {"alpha": gc}


@pytest.mark.parametrize("way", ["stepped", "hosted"])
@pytest.mark.parametrize("name", ["rlif", "rcuba"])
def test_recurrent_cores_on_memory_at_odd_places(name, way, monkeypatch):
    """Inputs, states and gradients that four elements at a time can't be read from give the same bits."""
    take(way, monkeypatch)
    given = numbers(name, 5, 3, 8)
    core, cy = built(name, 8, given), next(cotangents(given))

    def shifted(values):
        flat = grilly_vk.tensor(np.concatenate([[np.nan], values.ravel()]).astype(np.float32))
        return flat._rows(1, 1 + values.size)._alias(values.shape)

    def run(place):
        xs, state = (place(v).requires_grad_() for v in (given["xs"], states(given)))
        core.zero_grad()
        outs, after = F.unroll(core, xs, state)
        outs.backward(place(cy))
        return [t.numpy() for t in (outs, after, xs.grad, state.grad, core.recurrent_w.grad)]

    for a, b in zip(run(shifted), run(grilly_vk.tensor)):
        np.testing.assert_array_equal(a, b)
