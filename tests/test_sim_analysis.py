"""grilly_vk.sim.analysis against loops over single neurons, on trains with known statistics; its raster."""

import matplotlib as mpl
import numpy as np
import pytest

from grilly_vk import plot, sim
from grilly_vk.sim import analysis

mpl.use("Agg")
import matplotlib.pyplot as plt

N, STOP = 40, 2000.0


@pytest.fixture(scope="module")
def trains():
    """(times, numbers) in steps of 0.1 ms, with neurons 0 (silent), 1 (one spike) and pairs that share spikes."""
    rng = np.random.default_rng(7)
    rows = [np.zeros(0), np.array([700.0])]
    common = np.unique(np.rint(rng.uniform(1, STOP * 10, 60))) / 10
    for i in range(2, N):
        own = np.unique(np.rint(rng.uniform(1, STOP * 10, 10 + 2 * i))) / 10
        rows.append(np.union1d(own, common) if i % 2 else own)
    times, who = np.concatenate(rows), np.repeat(np.arange(N), [len(r) for r in rows])
    order = np.lexsort((who, times))
    return rows, (times[order], who[order])


def test_rates_cvs_and_fano_factors_are_those_of_single_neurons(trains):
    rows, spikes = trains
    start, stop = 200.0, 1950.0
    cut = [r[(r > start) & (r <= stop)] for r in rows]
    rates = analysis.firing_rates(spikes, N, start=start, stop=stop)
    np.testing.assert_allclose(rates, [len(r) / 1.75 for r in cut])
    cvs = analysis.interval_cvs(spikes, N, start=start, stop=stop)
    want = [np.diff(r).std() / np.diff(r).mean() if len(r) > 2 else np.nan for r in cut]
    np.testing.assert_allclose(cvs, want)
    assert np.isnan(want[:2]).all() and np.isfinite(want[2:]).all()
    few = analysis.interval_cvs(spikes, N, stop=STOP, least=40)
    np.testing.assert_array_equal(np.isnan(few), [len(r) < 41 for r in rows])
    edges = start + 50.0 * np.arange(36) + 0.05  # between steps
    counts = np.array([np.histogram(r, edges)[0] for r in cut])
    np.testing.assert_array_equal(analysis.binned_counts(spikes, N, start=start, stop=stop, bin=50.0), counts)
    with np.errstate(invalid="ignore"):
        fano = counts.var(1) / counts.mean(1)
    np.testing.assert_allclose(analysis.fano_factors(spikes, N, start=start, stop=stop, bin=50.0), fano)


def test_population_rates_and_correlations(trains):
    rows, spikes = trains
    middles, rate = analysis.population_rate(spikes, N, stop=STOP, bin=7.0)
    edges = 7.0 * np.arange(286) + 0.05
    counts = np.array([np.histogram(r, edges)[0] for r in rows])
    np.testing.assert_allclose(middles, 7.0 * np.arange(285) + 3.5)
    np.testing.assert_allclose(rate, counts.sum(0) / N / 0.007)
    want = np.corrcoef(counts[1:])[np.triu_indices(N - 1, 1)]
    np.testing.assert_allclose(analysis.correlations(spikes, N, stop=STOP, bin=7.0), want, atol=1e-12)
    some = analysis.correlations(spikes, N, stop=STOP, bin=7.0, sample=6, seed=3)
    assert len(some) == 15 and np.isin(some.round(9), want.round(9)).all()
    other = analysis.correlations(spikes, N, stop=STOP, bin=7.0, sample=6, seed=4)
    assert not np.array_equal(some, other)
    np.testing.assert_array_equal(some, analysis.correlations(spikes, N, stop=STOP, bin=7.0, sample=6, seed=3))


def test_parts_of_populations_are_read_with_their_own_numbers():
    times = [[5.0, 9.0, 12.0], [7.0], [0.1, 20.0], []]
    with sim.Network(dt=0.1) as net:
        p = sim.SpikeSource(4, times)
        p.record("spikes")
    net.run(20)
    np.testing.assert_array_equal(analysis.firing_rates(p), [150, 50, 100, 0])
    np.testing.assert_array_equal(analysis.firing_rates(p[[2, 0]], start=6.0), np.array([1, 2]) / 0.014)
    cv = analysis.interval_cvs(p[:1])
    np.testing.assert_allclose(cv, [0.5 / 3.5])
    np.testing.assert_array_equal(analysis.binned_counts(p[1:3]), [[1, 0], [1, 1]])


def test_trains_without_spikes_or_neurons():
    none = np.zeros(0), np.zeros(0, np.int64)
    for n in (0, 3):
        assert analysis.firing_rates(none, n, stop=10.0).tolist() == [0.0] * n
        assert np.isnan(analysis.interval_cvs(none, n, stop=10.0)).all()
        assert analysis.population_rate(none, n, stop=10.0)[1].tolist() == [0.0] * 10
        assert analysis.correlations(none, n, stop=10.0).shape == (0,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((([1.0], [0]),), "size and stop must be given"),
        ((([1.0], [3]), 3), r"spikes\[1\] must be from 0 to 2, got 3 to 3"),
        ((([1.0, 2.0], [1]), 3), "two arrays of one length"),
        ((([np.nan], [1]), 3), "finite times"),
        ((([1.0], [0.5]), 3), "whole numbers"),
        ((5, 3), "spikes must be a population or a pair"),
    ],
)
def test_wrong_spikes_are_refused(given, message):
    with pytest.raises((TypeError, ValueError), match=message):
        analysis.firing_rates(*given, **({"stop": 5.0} if len(given) > 1 else {}))
    with pytest.raises(ValueError, match="bin must be at most 5 ms"):
        analysis.population_rate(([1.0], [0]), 3, stop=5.0, bin=6.0)
    with pytest.raises(ValueError, match="stop must be later than start"):
        analysis.firing_rates(([1.0], [0]), 3, start=5.0, stop=5.0)


def test_the_raster_has_a_band_and_a_colour_for_each_population():
    populations = {"E": ([1.0, 2.0, 9.0], [0, 3, 1], 4), "I": ([2.5], [1], 2)}
    ax = plot.population_raster(populations, start=0.0, stop=5.0)
    e, i = ax.lines
    assert (e.get_xdata().tolist(), e.get_ydata().tolist()) == ([1.0, 2.0], [0, 3])
    assert (i.get_xdata().tolist(), i.get_ydata().tolist()) == ([2.5], [5])
    assert e.get_color() != i.get_color()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["E", "I"] and ax.get_xlim() == (0.0, 5.0)
    assert ax.get_ylim() == (5.5, -0.5)  # the first on top
    half = plot.population_raster(populations, share=0.5)
    assert half.lines[0].get_xdata().tolist() == [1.0] and half.lines[1].get_xdata().tolist() == []
    with pytest.raises(ValueError, match="a neuron below 1"):
        plot.population_raster({"E": ([1.0], [1], 1)})
    plt.close("all")
