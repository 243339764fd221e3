"""Synapses of grilly_vk.sim that change: against float64, and the same bits however they are run, saved and read."""

import numpy as np
import pytest
from sim_learning import learned

from grilly_vk import sim
from grilly_vk.sim import delivery as deliveries
from grilly_vk.sim import network as networks

DT = 0.1
RULES = {
    "multiplicative": sim.STDP(A_plus=0.05, A_minus=0.04, Wmax=1.0),
    "additive": sim.STDP(A_plus=0.05, A_minus=0.06, mu_plus=0.0, mu_minus=0.0, Wmax=1.0, Wmin=0.1),
    "power, nearest": sim.STDP(A_plus=0.05, mu_plus=0.3, mu_minus=0.4, Wmax=1.0, pairing="nearest"),
    "triplets": sim.TripletSTDP(A_plus=0.001, Wmax=1.0),
    "nearest triplets": sim.TripletSTDP(A_plus=0.002, Wmax=1.0, pairing="nearest"),
    "dopamine": sim.DopamineSTDP(A_plus=0.02, A_minus=0.02, tau_n=50.0, Wmax=1.0),
    "short-term": sim.TsodyksMarkram(tau_rec=100.0, tau_fac=50.0),
}


def made(rule, delay=None, silent=True, weight=None, **options):
    """Two driven populations; one source and one target may be still for a long time, and then fire."""
    rng = np.random.default_rng(0)
    with sim.Network(dt=DT, seed=3) as net:
        a, b = (
            sim.Population(n, "iaf_psc_delta", I_e=rng.uniform(350, 900, n), t_ref=t) for n, t in ((20, 2.0), (15, 0.5))
        )
        for cells in (a, b):
            sim.PoissonInput(cells, 2000.0, 1.0)
            cells.record("spikes")
        if silent:
            a[:1].inject(-4000.0, 20.0, 220.0)
            b[:1].inject(9000.0, 20.0, 220.0)
        if isinstance(rule, sim.DopamineSTDP):
            rule = type(rule)(**{**vars(rule), "dopamine": a[3:5]})
        p = sim.Projection(
            a, b, sim.FixedProbability(0.5), synapse=rule, weight=weight or sim.Uniform(0.2, 0.8),
            delay=delay or sim.Uniform(1.0, 4.0), **options,
        )  # fmt: skip
        sim.Projection(b, a, sim.FixedInDegree(3), weight=-0.1, delay=1.5)
    return net, a, b, p


def outcome(net, p):
    """Weights and spikes."""
    return [p.weights, *(x for cells in net.populations for x in cells.spikes)]


def same(got, want):
    for x, y in zip(got, want):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", [n for n in RULES if n not in ("dopamine", "short-term")])
def test_weights_are_those_of_float64(name):
    """Each synapse by the recorded spikes, delays of its own; with histories that overflow."""
    net, a, b, p = made(RULES[name])
    first = p.weights
    net.run(250)
    want = learned(RULES[name], p, first, [(a.spikes, 20), (b.spikes, 15)], 2499, DT)
    assert (b[:1].spikes[0] < 220).sum() > 200  # more than a history has room for
    np.testing.assert_allclose(p.weights, want, rtol=0, atol=5e-6)
    assert np.abs(want - first).max() > 0.1


@pytest.mark.parametrize("name", ["multiplicative", "triplets", "dopamine", "short-term"])
@pytest.mark.parametrize("layout", [(4, 3), (1, 2), (1, 1)], ids=str)
def test_layouts_batches_pieces_and_looks_change_no_bit(name, layout, monkeypatch):
    net, *_, p = made(RULES[name])
    net.run(250)
    want = outcome(net, p)
    init = deliveries.Delivery.__init__
    monkeypatch.setattr(
        deliveries.Delivery, "__init__", lambda self, *a: init(self, *a, lanes=layout[0], slices=layout[1])
    )
    monkeypatch.setattr(networks, "_LONGEST_BATCH", 4)
    monkeypatch.setattr(networks, "_CHUNK", 500)
    other, *_, q = made(RULES[name])
    for piece in (0.3, 120.2, 129.5):
        other.run(piece)
        assert np.isfinite(q.weights).all()
    same(outcome(other, q), want)


@pytest.mark.parametrize("name", ["additive", "triplets", "dopamine", "short-term"])
def test_states_go_on_bit_for_bit_and_reset_begins_anew(name):
    net, *_, p = made(RULES[name])
    net.run(60)
    state = net.state_dict()
    net.run(80)
    want = outcome(net, p)
    other, *_, q = made(RULES[name])
    other.load_state_dict(state)
    other.run(80)
    np.testing.assert_array_equal(q.weights, want[0])
    net.reset()
    net.run(140)
    same(outcome(net, p), want)
    short = dict(state)
    short.pop(next(n for n in state if n.endswith("weights")))
    with pytest.raises(KeyError, match="weights"):
        other.load_state_dict(short)
    np.testing.assert_array_equal(q.weights, want[0])


def test_dopamine_that_is_set_makes_weights_of_eligibility():
    """One pair of spikes, then a level: dw = c n (1 - e^-t(1/tau_c + 1/tau_n)) tau_c tau_n / (tau_c + tau_n)."""
    rule = sim.DopamineSTDP(A_plus=0.4, tau_c=200.0, tau_n=50.0, Wmax=5.0)
    pulse = dict(tau_m=1e7, C_m=1.0, E_L=0.0, V_reset=0.0, V_th=1e4, t_ref=0.0)
    with sim.Network(dt=DT) as net:
        pre, post = (sim.Population(1, "iaf_psc_delta", **pulse) for _ in range(2))
        pre.inject(2e5, 1.0, 1.1)
        post.inject(2e5, 5.0, 5.1)
        p = sim.Projection(pre, post, sim.AllToAll(), weight=1.0, delay=1.0, synapse=rule)
        pre.record("spikes")
        post.record("spikes")
    net.run(30.0)
    assert p.dopamine == 0 and p.weights == 1
    p.dopamine = 3.0
    p.dopamine = 0.1
    assert p.dopamine == pytest.approx(0.1)
    net.run(40.0)
    assert p.dopamine == pytest.approx(0.1 * np.exp(-40 / 50), rel=1e-6)
    paired = post.spikes[0][0] + 1.0  # a delay after the spike
    c = 0.4 * np.exp(-(paired - pre.spikes[0][0]) / 20) * np.exp(-(30.0 + DT - paired) / 200)
    both = 1 / 200 + 1 / 50
    # a step's event is at its end: the level is set at that of the step which follows
    assert p.weights[0] == pytest.approx(1 + c * 0.1 * -np.expm1(-(40 - DT) * both) / both, rel=2e-5)
    with pytest.raises(TypeError, match="dopamine"):
        p.dopamine = "much"
    other = made(RULES["additive"])[-1]
    with pytest.raises(AttributeError, match="DopamineSTDP"):
        other.dopamine = 1.0


@pytest.mark.parametrize("layout", [(8, 2), (1, 1)], ids=str)
@pytest.mark.parametrize("kind", ["alike", "own", "16 bits", "learning", "short-term"])
def test_weights_can_be_set(kind, layout, monkeypatch):
    """Read as they were set; what a run then does is that of a network that was built with them."""
    init = deliveries.Delivery.__init__
    monkeypatch.setattr(
        deliveries.Delivery, "__init__", lambda self, *a: init(self, *a, lanes=layout[0], slices=layout[1])
    )
    rule = {"learning": RULES["additive"], "short-term": RULES["short-term"]}.get(kind)
    options = {"dtype": np.float16} if kind == "16 bits" else {}
    weight, delay = (0.5, 2.0) if kind == "alike" else (None, None)
    net, *_, p = made(rule, delay, silent=False, weight=weight, weight_max=1.0, **options)
    before = p.connections()
    values = np.float64(0.7) if kind == "alike" else np.random.default_rng(4).uniform(0.2, 0.9, len(p))
    net.run(20)
    p.weights = values
    np.testing.assert_allclose(p.weights, np.broadcast_to(values, len(p)), rtol=1e-6, atol=1e-4 if options else 1e-7)
    for x, y in zip(p.connections(), (before[0], before[1], None, before[3])):
        assert y is None or (x == y).all()
    if kind == "learning":
        state = net.state_dict()
    net.reset()
    net.run(60)
    lines = np.stack([before[0], before[1], np.broadcast_to(values, len(p)), before[3]], 1)
    with sim.Network(dt=DT, seed=3) as other:
        rng = np.random.default_rng(0)
        a, b = (
            sim.Population(n, "iaf_psc_delta", I_e=rng.uniform(350, 900, n), t_ref=t) for n, t in ((20, 2.0), (15, 0.5))
        )
        for cells in (a, b):
            sim.PoissonInput(cells, 2000.0, 1.0)
            cells.record("spikes")
        q = sim.Projection(a, b, sim.FromList(lines), synapse=rule, weight_max=1.0, **options)
        sim.Projection(b, a, sim.FixedInDegree(3), weight=-0.1, delay=1.5, seed=3 * 1_000_003 + 1)
    other.run(60)
    same(outcome(other, q)[1:], outcome(net, p)[1:])
    np.testing.assert_allclose(q.weights, p.weights, rtol=1e-6)
    if kind == "learning":
        assert next(v for n, v in state.items() if n.endswith("weights")).max() <= 1


@pytest.mark.parametrize(
    ("kind", "values", "match"),
    [
        ("alike", [0.1] * 5, "share their weight"),
        ("alike", 900.0, "weight_max="),
        ("own", np.zeros((2, 3)), "shape"),
        ("own", 900.0, "weight_max="),
        ("own", np.nan, "finite"),
        ("own", "heavy", "weights"),
        ("16 bits", 4.0, "weight_max="),
        ("learning", 1.5, "0.1 .. 1"),
        ("learning", 0.0, "0.1 .. 1"),
        ("short-term", 4.0, "weight_max="),
    ],
)
def test_weights_that_do_not_fit_change_nothing(kind, values, match):
    rule = {"learning": RULES["additive"], "short-term": RULES["short-term"]}.get(kind)
    options = {"dtype": np.float16} if kind == "16 bits" else {}
    weight, delay = (0.5, 2.0) if kind == "alike" else (None, None)
    _, *_, p = made(rule, delay, silent=False, weight=weight, **options)
    before = p.weights
    with pytest.raises((ValueError, TypeError), match=match):
        p.weights = values
    np.testing.assert_array_equal(p.weights, before)


def test_what_a_projection_with_a_rule_takes():
    cells = sim.Population(3, "iaf_psc_delta")

    def given(weight=0.5, **options):
        with sim.Network() as net:
            sim.Projection(cells := sim.Population(3, "iaf_psc_delta"), cells, sim.AllToAll(), weight=weight, **options)
        net.build()

    for rule in (sim.STDP, "stdp", 3):
        with pytest.raises(TypeError, match="synapse must be a rule such as STDP"):
            given(synapse=rule)
    with pytest.raises(ValueError, match=r"within Wmin .. Wmax of the synapse, 0 .. 0.4, got 0.5"):
        given(synapse=sim.STDP(Wmax=0.4))
    with pytest.raises(ValueError, match="dtype must be float32"):
        given(synapse=sim.STDP(), dtype="float16")
    with pytest.raises(ValueError, match=r"weight_max must be at least 0.5, the largest weight"):
        given(weight_max=0.3)
    with pytest.raises(TypeError, match="dopamine must be a Population"):
        given(synapse=sim.DopamineSTDP("vta"))
    with pytest.raises(TypeError, match="follow each other"):
        given(synapse=sim.DopamineSTDP(cells[[0, 2]]))
    for wrong in (dict(tau_plus=0.0), dict(Wmax=0.0), dict(mu_plus=-1.0), dict(pairing="some"), dict(A_plus=np.nan)):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            sim.STDP(**wrong)
    with pytest.raises(ValueError, match="Wmin must be at most Wmax"):
        sim.DopamineSTDP(Wmin=3.0, Wmax=1.0)
    with pytest.raises(ValueError, match="U must"):
        sim.TsodyksMarkram(U=1.5)
    rule = sim.STDP()
    with pytest.raises(AttributeError):
        rule.tau_plus = 3.0
    given(synapse=sim.STDP(Wmax=0.6), weight=sim.Normal(0.5, 0.2))  # drawn within the limits


def test_projections_without_synapses_or_neurons():
    with sim.Network() as net:
        a, none = sim.Population(3, "iaf_psc_delta", I_e=900.0), sim.Population(0, "iaf_psc_delta")
        parts = [
            sim.Projection(x, y, sim.FixedProbability(p), synapse=rule)
            for x, y, p in ((a, a, 0.0), (a, none, 1.0), (none, a, 1.0))
            for rule in (sim.STDP(), sim.DopamineSTDP(), sim.TsodyksMarkram())
        ]
    net.run(30)
    assert all(p.weights.shape == (0,) for p in parts)
    for p in parts:
        p.weights = 1.0
    net.load_state_dict(net.state_dict())
    net.reset()
