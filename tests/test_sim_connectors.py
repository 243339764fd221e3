"""Connectors of grilly_vk.sim: who is connected, and with what weights and delays, against numpy and scipy."""

import numpy as np
import pytest
from scipy import sparse, stats
from sim_delivery import LAYOUTS, philox, uniforms

import grilly_vk
from grilly_vk.sim.connectors import (
    AllToAll,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotalNumber,
    FromList,
    FromSparse,
    OneToOne,
)
from grilly_vk.sim.delivery import Delivery
from grilly_vk.sim.distributions import Lognormal, Normal, Uniform

PRE, POST = 30, 50


def connected(connector, pre=PRE, post=POST, weight=1.0, delay=2, seed=1, layout=(8, 2), same=False, **options):
    """Sources and targets from 0, weights and delays of one projection, whose neurons are others' neighbours."""
    delivery = Delivery(grilly_vk.control.engine(), pre + 7, post + 9, 1, lanes=layout[0], slices=layout[1])
    delivery.add(connector, 3, pre, 5, post, same, 0, weight, delay, seed, **options)
    delivery.finish(1)
    sources, targets, weights, delays = delivery.connections(0)
    assert len(sources) == delivery.synapses
    return sources - 3, targets - 5, weights, delays


def pairs(connector, **options):
    """A matrix (sources, targets) of how often each pair is connected."""
    pre, post = options.get("pre", PRE), options.get("post", POST)
    sources, targets, _, _ = connected(connector, **options)
    return np.bincount(sources * post + targets, minlength=pre * post).reshape(pre, post)


@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize("offset", [None, 0, -4, 33, -60])
def test_degrees_and_pairs(multapses, offset):
    """Degrees are those asked for; pairs are distinct, and no neuron is its own partner, where that was asked for."""
    where = dict(same=offset is not None, offset=offset or 0)
    kinds = dict(autapses=False, multapses=multapses)
    own = np.zeros((PRE, POST), bool)
    if offset is not None:
        i = np.arange(PRE)[(np.arange(PRE) + offset >= 0) & (np.arange(PRE) + offset < POST)]
        own[i, i + offset] = True
    for connector, axis, degree in (
        (FixedInDegree(20, **kinds), 0, 20),
        (FixedOutDegree(40, **kinds), 1, 40),
        (FixedTotalNumber(900, **kinds), None, 900),
        (FixedProbability(0.6, autapses=False), None, None),
        (AllToAll(autapses=False), None, PRE * POST - own.sum()),
        (FixedTotalNumber(PRE * POST - own.sum(), autapses=False, multapses=False), None, PRE * POST - own.sum()),
    ):
        found = pairs(connector, **where)
        assert not found[own].any()
        if degree is not None:
            assert (found.sum(axis) == degree).all()
        distinct = not getattr(connector, "multapses", False)
        assert (found.max() == 1) if distinct else (found.max() > 1)
        assert found[~own].astype(bool).mean() > 0.4


def test_all_that_could_be_is():
    """Degrees as large as there are partners, with the neuron itself and without, and p = 1."""
    own = np.eye(PRE, dtype=int)
    for connector in (
        FixedInDegree(PRE, multapses=False),
        FixedOutDegree(PRE, multapses=False),
        FixedTotalNumber(PRE * PRE, multapses=False),
        FixedProbability(1.0),
        AllToAll(),
    ):
        np.testing.assert_array_equal(pairs(connector, post=PRE, same=True), 1)
        if isinstance(connector, (AllToAll, FixedProbability)):
            connector.autapses = False
        else:
            count = PRE * (PRE - 1) if isinstance(connector, FixedTotalNumber) else PRE - 1
            connector = type(connector)(count, autapses=False, multapses=False)
        np.testing.assert_array_equal(pairs(connector, post=PRE, same=True), 1 - own)
    np.testing.assert_array_equal(pairs(OneToOne(), post=PRE), own)
    assert not pairs(FixedProbability(0.0)).any() and not pairs(FixedInDegree(0)).any()


def test_in_degree_is_what_philox_says():
    """The k-th source of target j: word k of the counter (j, k / 4, 0x43, 0), times the sources, by 2**32."""
    seed = 0x1234567_89ABCDEF
    sources, targets, _, _ = connected(FixedInDegree(7), seed=seed)
    words = philox(np.arange(POST)[:, None], np.arange(2)[None], 0x43, 0, seed).reshape(POST, 8)[:, :7]
    wanted = np.sort((words.astype(object) * PRE >> 32).astype(int), axis=1)
    order = np.lexsort((sources, targets))
    np.testing.assert_array_equal(sources[order].reshape(POST, 7), wanted)


@pytest.mark.parametrize("n, k", [(3, 1), (5, 2), (17, 3), (300, 5)])
@pytest.mark.parametrize("make", [FixedInDegree, FixedOutDegree])
def test_distinct_partners_are_uniform(make, n, k):
    """Every set of partners is as likely as any other: pairs of them where these are few, else each partner."""
    rows = 4000
    by_target = make is FixedInDegree
    shape = dict(pre=n, post=rows) if by_target else dict(pre=rows, post=n)
    found = pairs(make(k, multapses=False), **shape)
    found = found.T if by_target else found
    assert (found.sum(1) == k).all()
    seen = found.sum(0)
    assert stats.chisquare(seen).pvalue > 1e-3
    if k > 1 and n < 20:
        together = (found.T @ found)[np.triu_indices(n, 1)]
        assert stats.chisquare(together).pvalue > 1e-3
    half = found[:, 0] == 1  # neighbouring rows are independent
    assert abs(np.corrcoef(half[1:], half[:-1])[0, 1]) < 4 / np.sqrt(rows)


def test_probability_is_that_of_independent_pairs():
    """Rows' and columns' sums are binomial, and the total is near its mean."""
    p, n = 0.07, 800
    found = pairs(FixedProbability(p), pre=n, post=n)
    for sums in (found.sum(0), found.sum(1)):
        assert abs(sums.mean() - n * p) < 4 * np.sqrt(n * p * (1 - p) / n)
        assert abs(sums.var() / (n * p * (1 - p)) - 1) < 4 * np.sqrt(2 / n)
        assert stats.kstest(sums + 0.5, stats.binom(n, p).cdf).statistic < 0.1
    assert not np.array_equal(found, pairs(FixedProbability(p), pre=n, post=n, seed=2))


def test_total_number_is_multinomial():
    """In- and out-degrees spread as those of pairs drawn one by one."""
    found = pairs(FixedTotalNumber(20_000), pre=400, post=400)
    for sums in (found.sum(0), found.sum(1)):
        assert abs(sums.var() / 50 - 1) < 4 * np.sqrt(2 / 400)


@pytest.mark.parametrize("connector", [FixedInDegree(5), FixedOutDegree(5, multapses=False), AllToAll()])
def test_drawn_weights_and_delays(connector):
    """Distributions, by Kolmogorov and Smirnov; weights and delays are independent of each other."""
    size = dict(pre=200, post=60) if isinstance(connector, AllToAll) else dict(pre=2000, post=2000)
    for given, known in (
        (Normal(2.0, 0.5), stats.norm(2, 0.5)),
        (Normal(0.0, 1.0, low=0.5, high=2.5), stats.truncnorm(0.5, 2.5)),
        (Uniform(-1, 3), stats.uniform(-1, 4)),
        (Lognormal(0.5, 0.4), stats.lognorm(0.4, scale=np.exp(0.5))),
    ):
        _, _, weights, delays = connected(connector, weight=given, delay=Uniform(1, 40), **size)
        assert stats.kstest(weights, known.cdf).pvalue > 1e-3
        counts = np.bincount(delays, minlength=41)[1:]
        expected = np.full(40, len(delays) / 39.0)
        expected[[0, -1]] /= 2  # rounded from [1, 1.5) and [39.5, 40]
        assert stats.chisquare(counts, expected).pvalue > 1e-3
        assert abs(np.corrcoef(weights, delays)[0, 1]) < 4 / np.sqrt(len(weights))


def test_normal_weights_are_box_muller_of_philox():
    """Weight k of target j comes from words 0 and 1 of the counter (j, k, 0x57, attempt)."""
    _, targets, weights, _ = connected(FixedInDegree(6), weight=Normal(1.0, 0.25), seed=9)
    u, v = uniforms(philox(np.arange(POST)[:, None], np.arange(6)[None], 0x57, 0, 9)[..., :2])
    wanted = np.sort(1 + 0.25 * np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v), axis=1)
    order = np.lexsort((weights, targets))
    np.testing.assert_allclose(weights[order].reshape(POST, 6), wanted, rtol=2e-6, atol=1e-6)
    _, targets, weights, _ = connected(FixedInDegree(6), weight=Normal(1.0, 0.25), seed=9, packed=True)
    found = np.sort(weights[np.lexsort((weights, targets))].reshape(POST, 6), axis=1)
    steps = np.unique(np.abs(weights))
    assert np.abs(found - wanted).max() <= 0.51 * np.gcd.reduce((steps * 2.0**31).astype(np.int64)) / 2.0**31


@pytest.mark.parametrize("packed", [False, True])
def test_listed_synapses_come_back(packed):
    """Lists with doubles and in any order, and sparse matrices; weights to a 2**31th of the sum, or in 15 bits."""
    rng = np.random.default_rng(5)
    lines = np.column_stack(
        [rng.integers(0, PRE, 400), rng.integers(0, POST, 400), rng.normal(size=400), rng.integers(1, 9, 400)]
    )
    found = np.column_stack(connected(FromList(lines), packed=packed))
    wanted = lines[np.lexsort((lines[:, 2], lines[:, 3], lines[:, 1], lines[:, 0]))]
    np.testing.assert_array_equal(found[:, [0, 1, 3]], wanted[:, [0, 1, 3]])
    step = np.abs(lines[:, 2]).max() * (2.0**-13 if packed else 2.0**-24)
    assert np.abs(found[:, 2] - wanted[:, 2]).max() <= step
    matrix = sparse.random(PRE, POST, 0.2, random_state=rng)
    sources, targets, weights, _ = connected(FromSparse(matrix.tocsr()))
    dense = np.zeros((PRE, POST))
    dense[sources, targets] = weights
    np.testing.assert_allclose(dense, matrix.toarray(), atol=1e-7)
    # delays in ms
    assert set(connected(FromList([[0, 1, 0.5, 1.5], [2, 3, 0.5, 0.1]]), dt=0.1)[3]) == {1, 15}


@pytest.mark.parametrize("autapses", [True, False])
def test_arrays_of_weights_and_delays(autapses):
    """(sources, targets) for AllToAll, one each for OneToOne, one a line for FromList."""
    weights = np.arange(PRE * POST).reshape(PRE, POST) + 1.0
    delays = weights % 60 + 1
    given = dict(weight=weights, delay=delays, same=True, offset=-2)
    sources, targets, w, d = connected(AllToAll(autapses=autapses), **given)
    assert (sources == targets + 2).any() == autapses
    np.testing.assert_allclose(w, weights[sources, targets], rtol=1e-3)
    np.testing.assert_array_equal(d, delays[sources, targets])
    _, targets, w, d = connected(OneToOne(), pre=POST, weight=np.arange(POST) + 1.0, delay=np.arange(POST) + 1)
    np.testing.assert_allclose(w, targets + 1, rtol=1e-6)
    np.testing.assert_array_equal(d, targets + 1)
    np.testing.assert_array_equal(connected(OneToOne(), pre=3, post=3, delay=[1.4, 2.5, 2.6])[3], [1, 3, 3])
    _, _, w, d = connected(FromList([[4, 4], [1, 2], [1, 1]]), weight=[3.0, 2.0, 1.0], delay=[3, 2, 1])
    np.testing.assert_allclose(w, [1, 2, 3])
    np.testing.assert_array_equal(d, [1, 2, 3])


def test_nothing_to_connect():
    """No sources, no targets, no synapses; one neuron."""
    for connector in (AllToAll(), FixedProbability(0.5), FixedInDegree(0), FixedTotalNumber(0), FromList([])):
        for pre, post in ((0, 5), (5, 0), (0, 0)):
            assert len(connected(connector, pre=pre, post=post)[0]) == 0
    for layout in LAYOUTS:
        assert [len(x) for x in connected(FixedInDegree(2), pre=1, post=1, layout=layout)] == [2, 2, 2, 2]
        assert not len(connected(AllToAll(autapses=False), pre=1, post=1, layout=layout, same=True)[0])


CALLS = [
    (lambda: FixedProbability(1.5), ValueError, r"p must lie in \[0.0, 1.0\], got 1.5"),
    (lambda: FixedProbability(float("nan")), ValueError, "p must be finite"),
    (lambda: FixedInDegree(-1), ValueError, "k must be at least 0"),
    (lambda: FixedTotalNumber(2.5), TypeError, "n must be a whole number"),
    (lambda: AllToAll(autapses=3), TypeError, "autapses"),
    (lambda: FromList([[0, 1, 2, 3, 4]]), ValueError, r"connections must be real numbers of shape \(n, 2\)"),
    (lambda: FromList([[0.5, 1]]), ValueError, "sources must be whole numbers"),
    (lambda: FromList([[0, -1]]), ValueError, "targets must be whole numbers of at least 0"),
    (lambda: FromList([[0, 1, np.nan]]), ValueError, "weights must be finite"),
    (lambda: FromSparse(np.eye(3)), TypeError, "matrix must be one of scipy.sparse"),
    (lambda: Uniform(2, 1), ValueError, "low must be at most high"),
    (lambda: Normal(0, -1), ValueError, "sd must not be negative"),
    (lambda: Normal(0, 1, low=9), ValueError, "at least 1 % must lie inside"),
    (lambda: Normal(0, 0, low=1), ValueError, "mean must lie between"),
    (lambda: Lognormal(90, 1), ValueError, "float32"),
]


@pytest.mark.parametrize("call, kind, text", CALLS)
def test_bad_connectors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


ADDS = [
    (dict(connector=FixedInDegree(31, multapses=False)), ValueError, "a neuron has 30 possible sources; needed are 31"),
    (dict(connector=FixedOutDegree(51, multapses=False)), ValueError, "50 possible targets; needed are 51"),
    (dict(connector=FixedInDegree(30, multapses=False, autapses=False), same=True), ValueError, "29 possible sources"),
    (dict(connector=FixedTotalNumber(1501, multapses=False)), ValueError, "there are 1500 possible pairs"),
    (dict(connector=FixedInDegree(1), pre_size=0), ValueError, "0 possible sources"),
    (dict(connector=OneToOne()), ValueError, "as many sources as targets, got 30 and 50"),
    (dict(connector=FromList([[30, 0]])), ValueError, "source 30 is not below 30"),
    (dict(connector=FromSparse(sparse.eye(4))), ValueError, r"shape \(30, 50\)"),
    (dict(connector="all"), TypeError, "connector must be one such as"),
    (dict(pre_first=8), ValueError, "pre: neurons 8 .. 37 are not within 0 .. 36"),
    (dict(post_first=-1), ValueError, "post: neurons -1"),
    (dict(receptor=1), ValueError, "receptor must be at least 0 and below 1, got 1"),
    (dict(weight=float("nan")), ValueError, "weight must be finite"),
    (dict(weight="heavy"), TypeError, "weight"),
    (dict(weight=np.ones(3)), ValueError, "weight must be a number or a distribution with FixedInDegree"),
    (dict(connector=AllToAll(), weight=np.ones((50, 30))), ValueError, r"weight must have shape \(30, 50\)"),
    (dict(connector=FromList([[0, 1]]), weight=[np.inf]), ValueError, "weight must be finite"),
    (dict(delay=0), ValueError, "delay must be at least 1 step"),
    (dict(delay=1.5), ValueError, "delay must be a whole number of steps, got 1.5"),
    (dict(delay=70_000), ValueError, "at most 65535"),
    (dict(delay=Normal(5, 1)), ValueError, r"Normal\(5, 1\) can give -1 to 11"),
    (dict(connector=FromList([[0, 1, 1, 0.04]]), dt=0.1), ValueError, "delay must be at least 1 step"),
    (dict(delay=64, weight=Uniform(0, 1), packed=True), ValueError, "delay must be at most 63 steps with packed"),
]


@pytest.mark.parametrize("given, kind, text", ADDS)
def test_bad_projections(given, kind, text):
    """Nothing is added then."""
    delivery = Delivery(grilly_vk.control.engine(), 37, 59, 1)
    right = dict(
        connector=FixedInDegree(3), pre_first=3, pre_size=PRE, post_first=5, post_size=POST, same=False, receptor=0,
        weight=1.0, delay=2, seed=1,
    )  # fmt: skip
    with pytest.raises(kind, match=text):
        delivery.add(**{**right, **given})
    assert not delivery.projections and delivery.add(**right) == 0
