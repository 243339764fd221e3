"""Public attributes: each is a checked setting that acts from the next call on, or read-only and says so.

A setting that is assigned is compared with an object that was made with it: same seed, same calls, same bits.
"""

import inspect

import numpy as np
import pytest
from public_objects import NODES, OBJECTS, digits, numbers, present

import grilly_vk
from grilly_vk import data, encode, models, monitor, nn, optim, surrogate
from grilly_vk.nn import traced
from grilly_vk.settings import Fixed, Setting
from grilly_vk.surrogate import Rect, Surrogate

SEED = 11

# Other values than those that `other` finds.
VALUES = {
    "data.events.Frames": {
        "sensor_size": (12, 8, 2), "start_time": 30, "end_time": 70, "downsample": (2, 3), "steps": 2,
        "augment": lambda batch: batch.flip(lr=1.0),
    },
    "models.DiehlCook": {
        "T": 64, "dt": 0.002, "v_rest": -65.5, "v_reset": -65.5, "v_thresh": -63.5, "v_low": -65.0,
        "tau_mem": 30.0, "tau_theta": 50.0, "tau_pre": 5.0, "tau_post": 4.0, "t_refrac": 6.0, "inhibition": 0.5,
        "theta_plus": 0.1, "a_pre": 0.2, "a_post": 0.01, "x_target": 0.3, "w_max": 0.3, "norm": 3.0,
        "max_rate": 90.0, "min_spikes": 30, "tries": 1,
    },
    "SNNCompute": {"v_reset": -2.0, "t_refrac": 5.0, "pulse": 0.9, "dt": 0.002, "v_thresh": 0.8},
    "nn.LIFNeuron": {"t_refrac": 5.0},
    "nn.GIFNeuron": {"t_refrac": 5.0},
    "nn.Linear": {"event_driven": True},
    "nn.NonSpikingIFNode": {"decode": "max-mem"},
    "nn.NonSpikingLIFNode": {"decode": "max-mem"},
    "nn.Softplus": {"threshold": -3.0},
    "nn.STDPLayer": {"w_min": 0.5},
    "nn.ReLU6": {"max_val": 0.5},
    **{f"nn.{name}": {"refractory": 2} for name in (*NODES, "CustomNode")},
    "nn.IzhikevichNode": {"tau_w": 5.0},
    "nn.MSETemporalLoss": {"tolerance": 2.0},
    "nn.traced.AdaptiveLIFNeuron": {"tau_thresh": 0.1, "alpha_thresh": 2.0},
}  # fmt: skip

# What changes no number: how results are made, or what these calls can't show.
NO_EFFECT = {
    "memory", "store_v_seq", "inplace", "store_trace", "event_driven", "nn.LI threshold", "nn.LI activation",
    "nn.SpikingVanillaRNN invariant_dropout_mask", "nn.SpikingLSTM invariant_dropout_mask", "progress",
    "nn.SpikingGRU invariant_dropout_mask", "encode.PoissonEncoder clip", "nn.conversion.RateNode cap",
    "nn.conversion.RateNode first", "nn.conversion.RateNode last", "nn.conversion.RateNode running", "running",
    "SNNCompute pulse", "strict", "data.events.Frames remainder",
}  # fmt: skip
# Of the class, for those who write subclasses; and what belongs to a form that the object has not.
OF_CLASSES = {"over_time", "batchwise", "takes_steps", "runs_steps", "is_spiking"}
OTHER_FORM = {"nn.LIFNeuron": {"threshold", "decay"}, "nn.IzhikevichNode": {"refractory"}}
# Of devices with matrix units: test_matrix_units.py, test_conv_matrices.py.
_PRODUCTS = ("Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d")
OTHER_FORM |= {f"nn.{name}": {"precision"} for name in _PRODUCTS}
MODES = {"training", "step_mode"}  # they change what a call takes


def unit(*shape):
    return numbers(*shape, low=0.0, high=1.0)


def other(name, value, descriptor):
    """Another value that a setting takes."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Surrogate):
        return Rect(0.7)
    if isinstance(value, str):
        return next(o for o in descriptor.more[0] if o != value)
    if isinstance(value, int):
        return value + 1
    return 0.3 if value is None else value * 0.75 + 0.1


def descriptors(kind):
    found = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            found.pop(name, None)
            if not name.startswith("_") and hasattr(value, "__set__"):
                found[name] = value
    return found


def started(make, **options):
    grilly_vk.manual_seed(SEED)
    return make(**options)


@pytest.mark.parametrize("case", OBJECTS)
def test_every_public_attribute_is_a_setting_or_read_only(case):
    made = started(OBJECTS[case][0])
    known = descriptors(type(made))
    registered = {n for kind in ("_parameters", "_buffers", "_modules", "_memories") for n in getattr(made, kind, {})}
    loose = {n for n in vars(made) if not n.startswith("_")} - set(known) - registered - OF_CLASSES
    assert not loose, "declare them with grilly_vk.settings"
    for name, descriptor in known.items():
        assert inspect.isdatadescriptor(descriptor) or hasattr(descriptor, "__set__")
        if isinstance(descriptor, Fixed):
            before = getattr(made, name)
            with pytest.raises(AttributeError, match=rf"{name} of \w+ is fixed when it is made and can't be .*: \w"):
                setattr(made, name, before)
            assert getattr(made, name) is before
        elif isinstance(descriptor, property) and descriptor.fset is None:
            with pytest.raises(AttributeError):
                setattr(made, name, 1.0)
        elif isinstance(descriptor, Setting):
            before = vars(made)[name]
            for wrong in (object(), {}, [[]]):
                with pytest.raises((TypeError, ValueError)):
                    setattr(made, name, wrong)
                assert vars(made)[name] is before


@pytest.mark.parametrize("case", [c for c, (_, call) in OBJECTS.items() if call is not None])
def test_an_assigned_setting_is_as_one_given_at_the_start(case):
    make, call = OBJECTS[case]
    plain = call(started(make))
    takes = inspect.signature(type(make()).__init__).parameters
    for name, descriptor in descriptors(type(make())).items():
        if not isinstance(descriptor, Setting) or name in MODES | OTHER_FORM.get(case, set()):
            continue
        value = VALUES.get(case, {}).get(name)
        if name in ("base_lrs", "last_epoch", "running", "epoch"):  # where something stands
            continue
        changed = started(make)
        if value is None:
            value = other(name, vars(changed)[name], descriptor)
        setattr(changed, name, value)
        assert getattr(changed, name) == value
        got = call(changed)
        if name in takes:
            fresh = call(started(make, **{name: value}))
            skip = len(changed.base_lrs) if case.startswith("optim") else 0  # of the step that was set already
            np.testing.assert_array_equal(got[skip:], fresh[skip:], f"{case}.{name}")
        if not NO_EFFECT & {name, f"{case} {name}"}:
            assert got.shape != plain.shape or not np.array_equal(got, plain), f"{case}.{name} has no effect"


def test_presentations_after_one_with_other_settings_use_nothing_of_it():
    """T, dt and the trace constants shape a table on the device; it was read past its end."""
    used, fresh = digits(), digits(T=160, tau_pre=5.0, dt=0.0015)
    used.present(unit(3, 16), learn=False)
    used.present_spikes(unit(7, 16), learn=False)
    used.T, used.tau_pre, used.dt = 160, 5.0, 0.0015
    np.testing.assert_array_equal(present(used), present(fresh))
    used.T = fresh.T = 8
    np.testing.assert_array_equal(present(used), present(fresh))


def test_settings_that_must_fit_each_other_are_refused_together():
    net = digits()
    for name, value, wanted in (
        ("v_low", -60.0, "v_low"), ("v_thresh", -70.0, "v_thresh"), ("T", 0, "T"), ("T", 2.5, "T"),
        ("tau_pre", 0.0, "tau_pre"), ("dt", "fast", "dt"), ("t_refrac", 1e12, "t_refrac"), ("training", 1, "training"),
    ):  # fmt: skip
        before = getattr(net, name)
        with pytest.raises((TypeError, ValueError), match=wanted):
            setattr(net, name, value)
        assert getattr(net, name) == before
    with pytest.raises(AttributeError, match=r"n_neurons of DiehlCook is fixed when it is made.*make a new"):
        net.n_neurons = 7
    assert net.n_neurons == 5


@pytest.mark.parametrize("name, shape", [("weight", (16, 4)), ("weight", (2, 5)), ("theta", (3,)), ("drawn", (1,))])
def test_tables_of_another_shape_are_never_read(name, shape):
    net = digits()
    with pytest.raises(ValueError, match=name):
        setattr(net, name, grilly_vk.zeros(shape))
        net.present(unit(2, 16))


def test_the_debug_mode_refuses_dispatches_that_reach_past_a_buffer(snippet):
    source = """
        import grilly_vk
        from grilly_vk.runtime import engine
        a, b = grilly_vk.ones(64), grilly_vk.zeros(64)
        engine().launch("copy", 64, extents={"src": 64, "dst": 64}, src=a, dst=b, n=64)
        try:
            engine().launch("copy", 65, extents={"src": 65, "dst": 64}, src=a, dst=b, n=65)
        except RuntimeError as error:
            print(error)
        print(b.numpy().sum())
    """
    out = snippet(source, GRILLY_VK_DEBUG=1).out.splitlines()
    assert out == ["GRILLY_VK_DEBUG: copy would reach 260 bytes of 'src', which has 256", "64.0"]


def test_a_captured_graph_notices_a_changed_setting():
    net = digits()
    spikes = grilly_vk.tensor((unit(20, 16) < 0.2).astype(np.float32))
    with grilly_vk.capture() as graph:
        out = net.present_spikes(spikes, learn=False)
    graph.replay()
    first = out.numpy()
    net.tau_mem = 30.0
    with pytest.raises(RuntimeError, match="a setting of DiehlCook was changed since this graph was captured"):
        graph.replay()
    net.tau_mem = 100.0
    graph.replay()
    np.testing.assert_array_equal(out.numpy(), first)


def test_a_graph_owns_what_its_own_code_sets():
    layer = grilly_vk.nn.Dropout(0.5)
    with grilly_vk.capture() as graph:
        layer.eval()
        layer(grilly_vk.ones(8))
        layer.train()
    graph.replay()
    assert graph.outdated is None
    layer.eval()
    graph.replay()


@pytest.mark.parametrize("kind", [nn.IFNode, nn.LIFNode, nn.EIFNode])
def test_a_potential_that_has_not_moved_starts_from_the_new_reset(kind):
    node = kind()
    node.v_reset = -0.5
    assert node.v == -0.5
    node(numbers(2, 4))
    node.v_reset = -0.25
    assert node.v.shape == (2, 4)
    node.reset()
    assert node.v == -0.25


def test_a_parameter_does_not_take_the_place_of_a_setting():
    layer = nn.LeakyReLU()
    with pytest.raises(TypeError, match="negative_slope must be a number"):
        layer.negative_slope = nn.Parameter(np.ones(1, np.float32))
    with pytest.raises(AttributeError, match="in_features of Linear is fixed"):
        nn.Linear(2, 3).in_features = nn.Parameter(np.ones(1, np.float32))
    assert layer.negative_slope == 0.01 and not list(layer.parameters())


def test_loaded_delays_beyond_the_longest_count_as_the_longest():
    """They were taken off the length of the delay line, and led far past its ends."""
    found = []
    for late in (2, 9, 2**31 - 1, -5):
        line = traced.Linear(3, 2, delay=np.full((2, 3), 2.0))
        line.weight.assign(np.arange(6, dtype=np.float32).reshape(2, 3))
        line.delay.assign(np.array([[2, 2, 2], [2, late, 2]], np.int32))
        net = traced.Network(
            traced.Input((1, 3), 1.0, 1.0, 0.9),
            (line, traced.LIFNeuron((1, 2), 1.0, 0.0, 0.5, 1.0, 1.0, 0.0, 0.9, 0.9)),
        )
        rule = traced.FedeSTDP(net, lr=0.1)
        out = net.run(unit(6, 1, 3) < 0.5)
        rule.step()
        traced.OnlineSTDP(net, lr=0.1).step()
        found.append((out[1].numpy(), line.weight.numpy()))
    for got in found[1:]:
        for a, b in zip(got, found[0]):
            np.testing.assert_array_equal(a, b)


def test_a_step_that_is_set_by_hand_stays_within_the_run():
    coder = grilly_vk.encode.PeriodicEncoder(unit(3, 2))
    coder.t = 50
    np.testing.assert_array_equal(coder().numpy(), unit(3, 2)[2])
    assert coder.t == 0
    coder.t = -1
    with pytest.raises(ValueError, match="t must be at least 0"):
        coder()
    norm = nn.BatchNormThroughTime1d(4, 3, step_mode="s").eval()
    norm.t = -1
    with pytest.raises(ValueError, match="t must be at least 0"):
        norm(unit(2, 4))


@pytest.mark.parametrize("case", OBJECTS)
def test_parameters_and_buffers_of_another_shape_are_never_read(case):
    """Kernels of recurrent layers, delays and eligibilities took sizes from elsewhere, and read past such tensors."""
    made = started(OBJECTS[case][0])
    if not isinstance(made, nn.Module):
        return
    tensors = {**made._parameters, **made._buffers}
    for name, before in tensors.items():
        if before is None or isinstance(getattr(type(made), name, None), property):
            continue
        kind = nn.Parameter if isinstance(before, nn.Parameter) else nn.Buffer
        for shape in ((*before.shape, 1), (0,)):
            with pytest.raises(ValueError, match="shape"):
                setattr(made, name, kind(grilly_vk.zeros(shape, dtype=before.dtype)))
            assert getattr(made, name) is before
        setattr(made, name, kind(grilly_vk.zeros(before.shape, dtype=before.dtype)))


def test_your_own_modules_and_losses_take_other_shapes():
    class Mine(nn.Linear):
        pass

    layer = Mine(3, 2)
    layer.weight = nn.Parameter(np.ones((4, 3), np.float32))
    assert layer.weight.shape == (4, 3)
    loss = nn.CrossEntropyLoss(weight=[1.0, 2.0])
    loss.weight = grilly_vk.ones(3)
    loss(numbers(2, 3), np.array([0, 2], np.int32))


# Bases, tensors, results without a setting, and what holds nothing.
APART = {
    "Function", "Tensor", "Parameter", "Buffer", "Module", "StatefulModule", "Surrogate", "SpikingNode",
    "NonSpikingNode", "Core", "RecurrentCore", "SpikingRNNCell", "BaseConnection", "BaseInput", "BaseNeuron",
    "LearningRule", "Optimizer", "Monitor", "Summary", "FiringRateReport", "LayerActivity", "Sentences",
    "NeuronModel", "CustomNode",  # of which each model has a subclass
    "Evaluation", "Row", "Layer", "EventFolder", "SHD", "enable_grad", "no_grad", "inference_mode",
    "set_detect_anomaly", "set_grad_enabled", "Slope",
}  # fmt: skip


def test_no_public_class_is_left_out():
    seen = {type(make()) for make, _ in OBJECTS.values()}
    homes = (grilly_vk, nn, traced, models, encode, surrogate, optim, monitor, data, data.events, nn.conversion)
    names = {
        (kind, name)
        for home in homes
        for name, kind in inspect.getmembers(home, inspect.isclass)
        if not name.startswith("_") and kind.__module__.startswith("grilly_vk") and not issubclass(kind, Exception)
    }
    assert {name for kind, name in names if kind not in seen} <= APART
