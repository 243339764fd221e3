"""Every name, argument and statement of document 003, pysnn.neuron."""

import inspect

import numpy as np
import pytest

import grilly.nn as nn
import grilly_vk
from grilly.nn import traced

BASE = "cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac"
CONSTRUCTORS = {
    "BaseInput": "cells_shape, dt",
    "Input": "cells_shape, dt, alpha_t, tau_t, update_type='linear'",
    "BaseNeuron": f"{BASE}, store_trace=False",
    "IFNeuron": f"{BASE}, tau_t, update_type='linear', store_trace=False",
    "LIFNeuron": f"{BASE}, tau_v, tau_t, update_type='linear', store_trace=False",
    "AdaptiveLIFNeuron": (f"{BASE}, tau_v, tau_t, alpha_thresh, tau_thresh, update_type='linear', store_trace=False"),
    "FedeNeuron": f"{BASE}, tau_v, tau_t, store_trace=False",
}
OF_INPUTS = {
    "reset_state": "", "no_grad": "", "init_neuron": "", "convert_input": "x", "forward": "x", "update_trace": "x",
}  # fmt: skip
OF_NEURONS = {
    "spiking": "", "refrac": "spikes", "concat_trace": "x", "fold": "x", "unfold": "x", "convert_spikes": "spikes",
    "reset_state": "", "reset_thresh": "", "no_grad": "", "init_neuron": "", "forward": "x", "update_trace": "x",
    "update_voltage": "x",
}  # fmt: skip
METHODS = {
    "BaseInput": OF_INPUTS,
    "Input": OF_INPUTS,
    "BaseNeuron": OF_NEURONS,
    "IFNeuron": OF_NEURONS,
    "LIFNeuron": OF_NEURONS,
    "AdaptiveLIFNeuron": OF_NEURONS | {"update_thresh": "x"},
    "FedeNeuron": OF_NEURONS | {"update_voltage": "x, pre_trace", "forward": "x, pre_trace"},
}


def text(function, keep_defaults):
    """Parameters without self; those that the page does not have (`steps`, a default) don't count."""
    found = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    found = [p for p in found if p.name not in ("self", "steps")]
    return str(inspect.Signature(p if keep_defaults else p.replace(default=p.empty) for p in found))[1:-1]


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_signatures(name):
    cls = getattr(traced, name)
    assert text(cls.__init__, True) == CONSTRUCTORS[name]
    for method, wanted in METHODS[name].items():
        assert text(getattr(cls, method), False) == wanted, method
    base = traced.BaseInput if "Input" in name else traced.BaseNeuron
    assert issubclass(cls, base) and issubclass(cls, nn.Module)


@pytest.fixture(params=["IFNeuron", "LIFNeuron", "AdaptiveLIFNeuron", "FedeNeuron"])
def neuron(request):
    return make(request.param)


def make(name, **more):
    given = dict(
        cells_shape=[2, 1, 3], thresh=1.0, v_rest=0.0, alpha_v=0.6, alpha_t=1.0, dt=1.0, duration_refrac=2.0, tau_t=0.9,
        tau_v=0.9, alpha_thresh=0.2, tau_thresh=0.9,
    )  # fmt: skip
    names = inspect.signature(getattr(traced, name).__init__).parameters
    return getattr(traced, name)(**{k: v for k, v in given.items() if k in names}, **more)


def call(neuron, x):
    return neuron(x, np.zeros_like(x)) if isinstance(neuron, traced.FedeNeuron) else neuron(x)


def test_forward_returns_output_spikes_and_trace(neuron):
    """Boolean spikes once the voltage surpasses the threshold, and a trace of the recent activity."""
    x = np.ones((2, 1, 3, 5), np.float32)  # all incoming to single neurons in the last dimension
    spikes, trace = call(neuron, x)
    assert spikes.dtype == np.bool_ and trace.dtype == np.float32 and spikes.shape == trace.shape == (2, 1, 3)
    assert spikes.numpy().all() and (trace.numpy() > 0).all()
    assert (neuron.v_cell.numpy() == 0).all()  # after spiking it is back at v_rest


def test_refractory_period(neuron):
    """While it lasts the neuron is incapable of spiking again."""
    fired = [call(neuron, np.full((2, 1, 3), 20.0, np.float32))[0].numpy()[0, 0, 0] for _ in range(7)]
    assert fired == [True, False, False, True, False, False, True]


@pytest.mark.parametrize("name", ["LIFNeuron", "FedeNeuron"])
def test_the_voltage_goes_back_over_time(name):
    neuron = make(name)
    call(neuron, np.full((2, 1, 3), 0.9, np.float32))
    before = neuron.v_cell.numpy()
    call(neuron, np.zeros((2, 1, 3), np.float32))
    assert (np.abs(neuron.v_cell.numpy()) < np.abs(before)).all() and before.any()


def test_integrate_and_fire_does_not_decay():
    neuron = make("IFNeuron")
    neuron(np.ones((2, 1, 3), np.float32))
    before = neuron.v_cell.numpy()
    neuron(np.zeros((2, 1, 3), np.float32))
    np.testing.assert_array_equal(neuron.v_cell.numpy(), before)


def test_the_threshold_adapts_to_recent_activity():
    neuron = make("AdaptiveLIFNeuron")
    neuron(np.full((2, 1, 3), 5.0, np.float32))
    np.testing.assert_allclose(neuron.thresh.numpy(), 1.2, rtol=1e-6)
    for _ in range(200):
        neuron(np.zeros((2, 1, 3), np.float32))
    np.testing.assert_allclose(neuron.thresh.numpy(), 1.0, rtol=1e-5)  # and back to where it began
    neuron(np.full((2, 1, 3), 5.0, np.float32))
    neuron.reset_state()
    np.testing.assert_array_equal(neuron.thresh.numpy(), 1.0)


def test_update_types():
    for name in ("Input", "IFNeuron", "LIFNeuron", "AdaptiveLIFNeuron"):
        default = inspect.signature(getattr(traced, name).__init__).parameters["update_type"].default
        assert default == "linear"
    assert make("LIFNeuron", update_type="exponential").update_type == "exponential"
    with pytest.raises(ValueError, match="update_type"):
        make("LIFNeuron", update_type="quadratic")


def test_dt_must_fit_into_the_refractory_duration():
    with pytest.raises(ValueError, match="duration_refrac must be a multiple of dt"):
        traced.IFNeuron((1, 1), 1.0, 0.0, 1.0, 1.0, 0.4, 1.0, 0.9)


def test_store_trace_stores_the_complete_spiking_history():
    neuron = make("LIFNeuron", store_trace=True)
    fired = [neuron(np.full((2, 1, 3), 2.0, np.float32))[0].numpy() for _ in range(6)]
    np.testing.assert_array_equal(neuron.complete_trace.numpy(), np.stack(fired, -1))


def test_input_propagates_spikes_and_computes_a_trace():
    neuron = traced.Input((2, 4), 1.0, 1.0, 0.5)
    x = np.array([[1, 0, 0, 1], [0, 1, 0, 0]], bool)
    spikes, trace = neuron(x)
    np.testing.assert_array_equal(spikes.numpy(), x)
    np.testing.assert_array_equal(trace.numpy(), x)
    _, trace = neuron(x)
    np.testing.assert_array_equal(trace.numpy(), 1.5 * x)
    assert neuron.convert_input(x).dtype == np.float32
    neuron.update_trace(x)
    np.testing.assert_array_equal(neuron.trace.numpy(), 1.75 * x)
    neuron.init_neuron()
    assert not neuron.trace.numpy().any()


def test_spiking_refrac_and_reset(neuron):
    """The methods by themselves."""
    neuron.v_cell = np.array([0.5, 1.0, 1.5] * 2).reshape(2, 1, 3)
    spikes = neuron.spiking()
    np.testing.assert_array_equal(spikes.numpy(), [[[False, True, True]]] * 2)
    np.testing.assert_array_equal(neuron.spikes.numpy(), spikes.numpy())
    neuron.refrac(spikes)
    np.testing.assert_array_equal(neuron.refrac_counts.numpy(), [[[0, 2, 2]]] * 2)
    np.testing.assert_array_equal(neuron.v_cell.numpy(), [[[0.5, 0, 0]]] * 2)
    neuron.update_trace(spikes)
    assert (neuron.trace.numpy() > 0).sum() == 4
    neuron.reset_state()
    for tensor in (neuron.v_cell, neuron.trace, neuron.refrac_counts, neuron.spikes):
        assert not tensor.numpy().any()


def test_subclasses_define_what_is_computed():
    """ "Each new neuron design should inherit from the BaseNeuron class."""

    class Noisy(traced.LIFNeuron):
        def update_voltage(self, x):
            super().update_voltage(x + 5.0)

    neuron = Noisy((1, 2), 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.9, 0.9)
    spikes, _ = neuron(np.zeros((1, 2), np.float32))
    assert spikes.numpy().all()


def test_hooks_run_on_calls(neuron):
    """ "One should call the Module instance instead, since the former takes care of running the registered hooks."""
    seen = []
    neuron.register_forward_hook(lambda module, args, out: seen.append(out))
    call(neuron, np.zeros((2, 1, 3), np.float32))
    assert len(seen) == 1 and grilly_vk.nn.traced is traced
