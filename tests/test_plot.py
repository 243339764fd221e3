"""Pictures: points where they belong, labels with units, axes in and out.  By matplotlib's objects, not by pixels."""

import matplotlib as mpl
import numpy as np
import pytest
from spiking import Spiking

import grilly_vk
from grilly_vk import plot
from grilly_vk.monitor import PotentialMonitor, RateMonitor, SpikeMonitor

mpl.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def points(line):
    return sorted(zip(line.get_xdata().tolist(), line.get_ydata().tolist()))


SPIKES = (np.random.default_rng(0).random((20, 3, 2, 4)) < 0.2).astype(np.float32)


def test_raster_marks_each_spike(ax):
    assert plot.raster(SPIKES, ax, sample=1) is ax
    t, n = np.nonzero(SPIKES[:, 1].reshape(20, 8))
    assert points(ax.lines[-1]) == sorted(zip(t.tolist(), n.tolist())) and len(ax.lines) == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (steps)", "neuron")
    assert ax.get_xlim() == (-0.5, 19.5) and ax.get_ylim() == (-0.5, 7.5)
    assert ax.lines[-1].get_linestyle() == "None" and ax.lines[-1].get_marker() == "|"


def test_raster_in_milliseconds_from_a_tensor():
    ax = plot.raster(grilly_vk.tensor(SPIKES[:, 0, 0]), dt=0.0005, first_step=10, color="red", size=3)
    t, n = np.nonzero(SPIKES[:, 0, 0])
    np.testing.assert_allclose(points(ax.lines[-1]), sorted(zip(0.5 * (t + 10), n)))
    assert ax.get_xlabel() == "time (ms)" and ax.get_xlim() == pytest.approx((4.75, 14.75))
    assert ax.lines[-1].get_color() == "red" and ax.lines[-1].get_markersize() == 3


@pytest.mark.parametrize("shape", [(0, 4), (5, 0), (6,), (5, 3)])
def test_raster_of_little(ax, shape):
    plot.raster(np.zeros(shape, bool), ax)
    assert len(ax.lines[-1].get_xdata()) == 0
    ax.figure.canvas.draw()


def test_raster_of_busy_neurons(ax):
    """Marks that would cover each other become an image of shares; a size keeps them marks."""
    rng = np.random.default_rng(1)
    busy = rng.random((1001, 999)) < np.linspace(0.05, 0.4, 999)
    plot.raster(busy, ax, dt=0.001, first_step=5)
    (image,) = ax.images
    share = image.get_array()
    assert share.shape == (250, 500) and not ax.lines and image.get_clim() == (0, share.max())
    rows, columns = np.arange(250) * 999 // 250, np.arange(500) * 1001 // 500
    for r, c in [(0, 0), (100, 250), (249, 499)]:
        cell = busy[columns[c] : (*columns[1:], 1001)[c], rows[r] : (*rows[1:], 999)[r]]
        assert share[r, c] == pytest.approx(cell.mean())
    assert image.get_extent() == pytest.approx([4.5, 1005.5, -0.5, 998.5]) and image.origin == "lower"
    np.testing.assert_allclose(ax.get_xlim() + ax.get_ylim(), [4.5, 1005.5, -0.5, 998.5])
    ax.figure.canvas.draw()
    assert len(plot.raster(busy[:100], size=1).lines) == 1
    few = plot.raster(np.eye(1000))
    assert len(few.lines) == 1 and not few.images


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plot.potentials(np.sin(np.arange(500.0)[:, None] + np.arange(5)), ax, threshold=1.0),
        lambda ax: plot.rate_boxes({"a": [0.0, 0.2, 1.0], "b": [0.5, 1.0, 1.0]}, ax),
        lambda ax: plot.rate_histogram({"a": [0.0, 0.5, 0.5, 1.0], "b": [0.5, 0.5, 0.5]}, ax),
        lambda ax: plot.rate_scatter({"a": (np.r_[0, 0, 1, 1], np.r_[0, 1, 0, 1])}, ax),
        lambda ax: plot.training_curves({"loss": [3, 1, 3], "val_loss": [3, 2, 3], "accuracy": [0.9, 0.1, 0.9]}, ax),
    ],
)
def test_legends_cover_nothing(ax, draw):
    draw(ax)
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert ax.get_window_extent().contains(box.x0, box.y0) and ax.get_window_extent().contains(box.x1, box.y1)
    drawn = 0
    for side in ax.figure.axes:
        for line in side.lines:
            at = line.get_transform().transform(np.column_stack(line.get_data()))
            drawn += len(at)
            assert not any(box.contains(x, y) for x, y in at), line.get_label()
    assert drawn


def test_potentials(ax):
    v = np.random.default_rng(0).uniform(-0.5, 0.9, (20, 8))
    s = np.zeros((20, 8), bool)
    s[[3, 7], 2], s[5, 6] = True, True
    assert plot.potentials(v, ax, threshold=1.0, spikes=s, neurons=[2, 6, 0], dt=0.001, unit="mV") is ax
    drawn, threshold = ax.lines[:3], ax.lines[3]
    for line, neuron in zip(drawn, (2, 6, 0)):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(20))
        np.testing.assert_array_equal(line.get_ydata(), v[:, neuron])
        assert line.get_label() == f"neuron {neuron}"
    assert list(threshold.get_ydata()) == [1.0, 1.0] and threshold.get_linestyle() == "--"
    marks = [[seg[0].tolist() for seg in c.get_segments()] for c in ax.collections]
    tall = 0.1 * (1 - v[:, [2, 6, 0]].min())
    assert marks[0] == [[3, 1], [7, 1]] and marks[1] == [[5, pytest.approx(1 + tall)]] and marks[2] == []
    assert np.allclose(ax.collections[0].get_color()[0], mpl.colors.to_rgba(drawn[0].get_color()))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "membrane potential (mV)")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["neuron 2", "neuron 6", "neuron 0", "threshold"]


def test_potentials_of_one_neuron_and_of_many(ax):
    v = np.array([0.0, np.nan, 0.5])
    plot.potentials(v, ax, spikes=[0, 0, 1])
    assert len(ax.lines) == 1 and ax.get_legend() is None
    assert ax.collections[0].get_segments()[0][:, 1] == pytest.approx([0.5, 0.54])
    many = plot.potentials(np.zeros((4, 2, 9)), sample=1)
    assert len(many.lines) == 5 and many.get_xlabel() == "time (steps)"


def test_rate_histogram(ax):
    rates = np.array([[0.0, 0.0, 0.1], [0.4, 0.4, 0.4]])
    plot.rate_histogram(rates, ax, bins=4)
    assert [p.get_height() for p in ax.patches] == [2, 1, 0, 3]
    assert ax.lines[0].get_xdata()[0] == pytest.approx(rates.mean())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("firing rate (spikes per step)", "neurons")
    assert ax.get_legend() is None


def test_rate_histogram_in_hertz_by_layer(ax):
    plot.rate_histogram({"a": [0.1, 0.2], "b": grilly_vk.tensor([0.0, 0.05])}, ax, dt=0.001)
    assert ax.get_xlabel() == "firing rate (Hz)"
    assert [line.get_xdata()[0] for line in ax.lines] == pytest.approx([150, 25])
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"a", "b"}
    plot.rate_histogram(np.zeros(3))
    plot.rate_histogram([])


def test_rates_of_what_is_spikes():
    """Bool arrays, marked tensors and monitors of spikes are reduced over time and batch; 0 and 1 alone are refused."""
    trains = SPIKES.reshape(20, 3, 8)
    wanted = np.histogram(trains.mean((0, 1)), bins=5, range=(0, trains.mean((0, 1)).max()))[0]
    layer = Spiking(0.5)
    monitor = SpikeMonitor({"hidden": layer})
    for step in trains:
        layer(grilly_vk.tensor(step))
    for given in (trains.astype(bool), grilly_vk.tensor(trains).as_spikes(), monitor, trains.mean((0, 1))):
        ax = plot.rate_histogram(given, bins=5)
        heights = [p.get_height() for p in ax.patches]
        np.testing.assert_array_equal(heights, wanted, err_msg=str(type(given)))
    one = plot.rate_histogram(trains[:, 0].astype(bool), bins=2)  # (T, n)
    assert sum(p.get_height() for p in one.patches) == 8
    for draw in (plot.rate_histogram, lambda rates: plot.rate_boxes({"fc": rates})):
        with pytest.raises(ValueError, match=r"of shape \(20, 3, 8\) is all 0 and 1: for spikes of \(T, ...\) give"):
            draw(trains)
        draw(trains.reshape(-1))  # saturated and silent neurons
        draw(np.zeros((3, 4)))  # silent ones
    with pytest.raises(TypeError, match="must be rates or spikes; a PotentialMonitor keeps something else"):
        plot.rate_histogram(PotentialMonitor({"hidden": layer}))


def test_rates_after_one_step(ax):
    """A RateMonitor's 0 and 1 are rates: nothing is guessed."""
    layer = Spiking(0.5)
    monitor = RateMonitor({"hidden": layer})
    layer(grilly_vk.tensor(np.float32([[[0, 1], [1, 1]]])))
    plot.rate_histogram(monitor, ax, bins=2)
    assert [p.get_height() for p in ax.patches] == [1, 3]


def test_rates_that_are_not_finite(ax):
    with pytest.warns(UserWarning, match="rates: 2 of 4 are not finite and left out"):
        plot.rate_histogram([0.5, np.nan, 0.25, np.inf], ax, bins=2)
    assert [p.get_height() for p in ax.patches] == [0, 2]


def test_rate_boxes_of_a_monitor(ax):
    layer = Spiking(0.5)
    monitor = RateMonitor({"hidden": layer})
    for t in range(10):
        layer(grilly_vk.tensor(np.float32([[t < 1, t < 4, t < 9]])))
    plot.rate_boxes(monitor, ax)
    median, mean = ax.lines
    assert (median.get_xdata()[0], mean.get_xdata()[0]) == pytest.approx((0.4, 1.4 / 3))
    thin, thick = (c.get_segments()[0][:, 0].tolist() for c in ax.collections)
    assert thin == pytest.approx(np.quantile([0.1, 0.4, 0.9], [0.05, 0.95]).tolist())
    assert thick == pytest.approx([0.25, 0.65])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["hidden"] and ax.get_ylim()[0] == 0.5
    assert ax.get_xlabel() == "firing rate (spikes per step)"


def test_weight_matrix(ax):
    w = np.array([[1.0, -3.0, 0.0], [0.5, 2.0, np.nan]])
    plot.weight_map(w, ax)
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array().filled(np.nan), w)
    assert image.get_clim() == (-3, 3) and (ax.get_xlabel(), ax.get_ylabel()) == ("input", "output")
    assert len(ax.figure.axes) == 2 and ax.figure.axes[1].get_ylabel() == "weight"
    assert plot.weight_map(w, limit=0.5, colorbar=False).images[0].get_clim() == (-0.5, 0.5)


def test_receptive_fields():
    w = np.arange(1.0, 31.0).reshape(5, 6)
    ax = plot.weight_map(grilly_vk.tensor(w), shape=(2, 3), columns=2)
    drawn = ax.images[0].get_array().filled(np.nan)
    assert drawn.shape == (8, 7)
    np.testing.assert_array_equal(drawn[0:2, 4:7], w[1].reshape(2, 3))
    np.testing.assert_array_equal(drawn[6:8, 0:3], w[4].reshape(2, 3))
    assert np.isnan(drawn[2]).all() and np.isnan(drawn[:, 3]).all() and np.isnan(drawn[6:, 4:]).all()
    assert ax.get_xlabel() == "5 receptive fields, 2 x 3"
    conv = plot.weight_map(np.ones((4, 2, 3, 3)), colorbar=False)
    assert conv.images[0].get_array().shape == (11, 11) and conv.get_xlabel() == "8 receptive fields, 3 x 3"
    assert len(conv.figure.axes) == 1


def test_training_curves_of_lists(ax):
    history = {"train_loss": [3.0, 2.0, 1.0], "val_loss": [3.5, 2.5, 2.0], "train_accuracy": [0.1, 0.5, 0.9]}
    assert plot.training_curves(history, ax) is ax
    right = ax.figure.axes[1]
    assert [line.get_label() for line in ax.lines] == ["train_loss", "val_loss"]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])
    np.testing.assert_array_equal(right.lines[0].get_ydata(), [0.1, 0.5, 0.9])
    assert (ax.get_xlabel(), ax.get_ylabel(), right.get_ylabel()) == ("epoch", "loss", "accuracy")
    assert ax.lines[1].get_linestyle() == "--" and len(ax.get_legend().get_texts()) == 3


def test_training_curves_of_dicts(ax):
    history = [{"epoch": 0, "loss": grilly_vk.tensor(2.0), "note": "x"}, {"epoch": 1, "loss": 1.0, "val_loss": 1.5}]
    plot.training_curves(history, ax, x_label="pass over the data")
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[1, 2], [2, 1]], [[2, 1.5]]]
    assert ax.get_xlabel() == "pass over the data" and len(ax.figure.axes) == 1
    only = plot.training_curves(history, keys=["val_loss"])
    assert len(only.lines) == 1 and only.get_legend() is None


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: plot.raster(1.0), ValueError, "spikes is a single number; expected"),
        (lambda: plot.raster([[0, 0], [0, np.nan]]), ValueError, r"spikes holds NaN, first at .* \(1, 1\)"),
        (lambda: plot.rate_histogram([0.1, -0.3]), ValueError, "rates must not be negative, got -0.3; are these pot"),
        (lambda: plot.rate_histogram(None), TypeError, "rates must hold real numbers"),
        (lambda: plot.rate_boxes({}), ValueError, "rates is empty"),
        (lambda: plot.raster(["a"]), TypeError, "spikes must hold real numbers"),
        (lambda: plot.raster(SPIKES, sample=3), ValueError, "sample: there is no sample 3; spikes has 3"),
        (lambda: plot.raster(SPIKES, dt=0), ValueError, "dt must be positive"),
        (lambda: plot.raster(SPIKES, "axes"), TypeError, "ax must be matplotlib axes or None, not str"),
        (lambda: plot.potentials(np.ones((3, 2)), neurons=[0, 2]), ValueError, "there is no neuron 2; v has 2"),
        (lambda: plot.potentials(np.ones((3, 2)), spikes=np.ones((3, 1))), ValueError, r"spikes has \(3, 1\) steps"),
        (lambda: plot.potentials(np.ones((3, 2)), threshold="1"), TypeError, "threshold must be a number"),
        (lambda: plot.rate_histogram({"fc": "x"}), TypeError, "rates of fc must hold real numbers"),
        (lambda: plot.weight_map(np.ones(3)), ValueError, r"weight has shape \(3,\); expected"),
        (lambda: plot.weight_map(np.ones((2, 6)), shape=(2, 2)), ValueError, "has 4 pixels; weight has 6 inputs"),
        (lambda: plot.weight_map(np.ones((2, 1, 3, 3)), shape=(3, 3)), ValueError, "which says it already"),
        (lambda: plot.weight_map(np.ones((2, 6)), columns=2), ValueError, "columns goes with receptive fields"),
        (lambda: plot.weight_map(np.ones((2, 6)), limit=-1), ValueError, "limit must be positive"),
        (lambda: plot.training_curves(3), TypeError, "history must be a dict of lists or a list of dicts"),
        (lambda: plot.training_curves({"loss": [[1]]}), ValueError, "expected one number per epoch"),
        (lambda: plot.training_curves({"loss": [1]}, keys=["acc"]), ValueError, "no 'acc'; it has 'loss'"),
        (lambda: plot.training_curves({"a": [1], "b": [1], "c": [1]}), ValueError, r"3 kinds of metric \(a, b, c\)"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()
    assert not plt.get_fignums()  # nothing half-drawn is left behind


def test_without_matplotlib(snippet):
    """The module can be imported, and a call says what to install."""
    done = snippet(
        """
        import sys
        sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
        import numpy as np
        import grilly_vk.plot
        assert "matplotlib" not in [m for m, found in sys.modules.items() if found]
        try:
            grilly_vk.plot.raster(np.ones((2, 2)))
        except ImportError as error:
            print(error)
        """
    )
    assert "grilly_vk.plot needs matplotlib" in done.out and "pip install 'grilly-vk[plot]'" in done.out
