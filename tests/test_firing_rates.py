"""The report on firing rates: the numbers, the words and the picture."""

import matplotlib as mpl
import numpy as np
import pytest
from spiking import Spiking

import grilly_vk
from grilly_vk import nn
from grilly_vk.autograd import grad_enabled
from grilly_vk.monitor import InputMonitor, PotentialMonitor, RateMonitor, SpikeMonitor, firing_rate_report
from grilly_vk.report import rate_summary

mpl.use("Agg")
import matplotlib.pyplot as plt


def fed(rates, steps=100, **attributes):
    """A layer and inputs that make its neurons fire at these rates."""
    layer = Spiking(0.5)
    for name, value in attributes.items():
        setattr(layer, name, value)
    fire = np.arange(steps)[:, None] < np.rint(np.array(rates) * steps)
    return layer, fire.astype(np.float32)[:, None]


def report_of(rates, **attributes):
    layer, x = fed(rates, **attributes)
    monitor = RateMonitor(layer)
    for step in x:
        layer(grilly_vk.tensor(step))
    return firing_rate_report(monitor)


def test_summary_against_numpy():
    rates = np.random.default_rng(0).beta(0.4, 2.0, 500)
    rates[:60], rates[60:75] = 0.0, 0.95
    found = rate_summary(rates.reshape(20, 25), saturated_at=0.9, bins=10)
    assert (found.neurons, found.dead, found.saturated) == (500, 0.12, (rates >= 0.9).mean())
    assert found.mean == pytest.approx(rates.mean()) and found.largest == rates.max()
    assert found.median == np.median(rates) and found.quantiles[0.99] == np.quantile(rates, 0.99)
    np.testing.assert_array_equal(found.histogram, np.histogram(rates, 10, (0, 1))[0])
    assert found.histogram.sum() == 500 and found.edges[[0, -1]].tolist() == [0, 1]


def test_summary_of_nothing():
    found = rate_summary(np.zeros(0))
    assert found.neurons == 0 and np.isnan([found.mean, found.median, found.dead, found.largest]).all()


def test_numbers_of_a_layer():
    rates = [0.0, 0.0, 0.1, 0.2, 1.0]
    report = report_of(rates)
    (layer,) = report.layers
    assert (layer.name, layer.kind, layer.steps) == ("Spiking", "Spiking", 100)
    np.testing.assert_allclose(layer.rates, rates)
    assert layer.summary.dead == 0.4 and layer.summary.saturated == 0.2
    assert report["Spiking"] is layer
    assert report.to_dict() == {
        "Spiking": {
            "mean": pytest.approx(0.26),
            "median": 0.1,
            "max": 1.0,
            "dead": 0.4,
            "saturated": 0.2,
            "neurons": 5,
            "steps": 100,
        }
    }
    with pytest.raises(KeyError, match="no layer 'fc' in the report; there are 'Spiking'"):
        report["fc"]


@pytest.mark.parametrize(
    "rates, attributes, words, absent",
    [
        ([0.2] * 9 + [0.0], {}, "", ["fired", "lower", "raise"]),
        (
            [0.2] * 5 + [0.0] * 3,
            {},
            "38% of the neurons never fired: lower v_threshold (now 0.5) or raise the input",
            [],
        ),
        ([0.2, 0.0], {"tau": 2.0, "decay_input": True}, "or lower tau (now 2), which divides the input", []),
        ([0.2, 0.0], {"tau": 2.0, "decay_input": False}, "or raise tau (now 2), which keeps the potential", []),
        ([0.2, 0.0], {"tau": 2.0}, "never fired", ["tau"]),
        ([0.0, 0.0], {}, "nothing fired in 100 steps: is its input zero? Otherwise lower v_thr", ["never fired:"]),
        ([0.2, 0.95], {}, "50% of the neurons fired in 90% of the steps or more", ["never fired:", "lower v_thr"]),
        ([0.2, 0.95], {"tau": 3.0, "decay_input": True}, "or raise tau (now 3), which divides the input", []),
        ([0.0, 0.95], {}, "50% of the neurons never fired", []),
        ([0.0, 0.95], {}, "50% of the neurons fired in 90%", []),
    ],
)
def test_words(rates, attributes, words, absent):
    text = "\n".join(report_of(rates, **attributes).advice)
    assert words in text
    for word in absent:
        assert word not in text
    assert all(line.startswith("layer Spiking: ") for line in text.splitlines())


def test_table():
    lines = str(report_of([0.0, 0.0, 0.1, 0.2, 1.0])).splitlines()
    assert lines[0] == "Firing rates in spikes per step"
    assert lines[1].split("  ")[0] == "layer" and "never fired" in lines[1] and lines[1].endswith("at 90% or more")
    assert " ".join(lines[2].split()) == "Spiking 5 100 0.2600 0.1000 0.0000 0.6800 0.9680 1.0000 40.0% 20.0%"
    assert len(lines[1]) == len(lines[2]) and lines[3].startswith("layer Spiking: 40% of the neurons never fired")
    assert str(report_of([0.2] * 10)).splitlines()[-1].startswith("Nothing stands out")


def network():
    grilly_vk.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), Spiking(0.2), nn.Dropout(0.5), nn.Linear(6, 3), Spiking(50.0))


def test_of_a_model_and_data():
    """As many steps as samples; evaluation mode, no gradients, state reset; everything put back."""
    net = network()
    net[2].eval()
    x = np.random.default_rng(0).standard_normal((10, 4)).astype(np.float32)
    report = firing_rate_report(net, x)
    hidden = (x @ net[0].weight.numpy().T + net[0].bias.numpy()) >= 0.2
    np.testing.assert_allclose(report["1"].rates, hidden.mean(axis=0))
    assert report["1"].steps == 10 and report["4"].summary.dead == 1
    assert "layer 4: nothing fired in 10 steps" in str(report)
    assert net.training and net[0].training and not net[2].training
    assert net[1].v == 0.0 and not any(m._forward_hooks for m in net.modules())


def test_of_batches_with_targets_and_another_forward():
    net = network()
    x = np.random.default_rng(0).standard_normal((6, 3, 4)).astype(np.float32)
    batches = [(grilly_vk.tensor(b), "target") for b in x] + [[x[0, :2]]]
    calls = []

    def forward(batch):
        calls.append(batch.shape)
        assert not grad_enabled()
        for _ in range(5):
            net(grilly_vk.tensor(batch) if isinstance(batch, np.ndarray) else batch)

    report = firing_rate_report(net, batches, forward=forward, modules=["1"])
    assert calls == [(3, 4)] * 6 + [(2, 4)] and report["1"].steps == 5 * 20 and len(report.layers) == 1


def test_of_a_spike_monitor():
    layer, x = fed([0.0, 0.25, 1.0])
    monitor = SpikeMonitor(layer)
    for step in x:
        layer(grilly_vk.tensor(step))
    report = firing_rate_report(monitor, saturated_at=1.0)
    np.testing.assert_allclose(report["Spiking"].rates, [0, 0.25, 1])
    assert report["Spiking"].steps == 100 and "at 100% or more" in str(report)
    monitor.clear()
    assert not firing_rate_report(monitor).layers


def test_layers_that_were_not_called():
    net = network()
    monitor = RateMonitor(net)
    assert str(firing_rate_report(monitor)) == "Firing rates: no spiking layer was called"
    net[1](grilly_vk.ones((2, 3)))
    report = firing_rate_report(monitor)
    assert report.silent == ("4",) and "layer 4: was not called" in str(report)


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda n: firing_rate_report(n), TypeError, "data is missing"),
        (lambda n: firing_rate_report(3), TypeError, "source must be a Module or a monitor, not int"),
        (lambda n: firing_rate_report(PotentialMonitor(n)), TypeError, "spikes or rates, not PotentialMonitor"),
        (lambda n: firing_rate_report(InputMonitor(n)), TypeError, "spikes or rates, not InputMonitor"),
        (lambda n: firing_rate_report(RateMonitor(n), np.ones((1, 4))), TypeError, "go with a model"),
        (lambda n: firing_rate_report(nn.Linear(2, 2), np.ones((1, 2))), ValueError, "no spiking module"),
        (lambda n: firing_rate_report(n, [], saturated_at=2), ValueError, "saturated_at must lie in"),
        (lambda n: firing_rate_report(n, [], many_dead=-1), ValueError, "many_dead must lie in"),
        (lambda n: firing_rate_report(n, [], bins=0), ValueError, "bins must be at least 1"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make(network())


def test_a_failing_run_leaves_the_model_as_it_was():
    net = network()
    with pytest.raises(ValueError):
        firing_rate_report(net, np.ones((2, 9), np.float32))
    assert net.training and not any(m._forward_hooks for m in net.modules())


def test_picture():
    report = report_of([0.0, 0.0, 0.1, 0.2, 1.0])
    ax = report.plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Spiking\n40% dead\n20% saturated"]
    assert ax.lines[0].get_xdata().tolist() == [0.1]
    plt.close(ax.figure)
