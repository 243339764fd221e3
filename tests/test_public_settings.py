"""Public attributes: each is a checked setting that acts from the next call on, or read-only and says so.

A setting that is assigned is compared with an object that was made with it: same seed, same calls, same bits.
"""

import numpy as np
import pytest

import grilly_vk
from grilly_vk import models

SEED = 11


def uniform(*shape):
    return np.random.default_rng([3, *shape]).uniform(0, 1, shape).astype(np.float32)


def digits(**options):
    given = dict(
        T=40, seed=1, v_thresh=-63.0, theta_plus=0.3, inhibition=4.0, t_refrac=3.0, a_pre=0.02, a_post=0.05,
        tau_theta=500.0, tau_post=30.0, x_target=0.01, w_max=2.5, max_rate=200.0, min_spikes=2, tries=2, dt=0.001,
        v_low=-70.0,
    )  # fmt: skip
    return models.DiehlCook(16, 5, **given | options)


def present(net):
    """What the network has fired and learned, and its answers to spikes of another length."""
    net.weight.assign(np.linspace(0.1, 0.6, 80, dtype=np.float32).reshape(16, 5))  # scaled to `norm` at the start
    counts = net.present(uniform(6, 16)).numpy()
    with_labels = net.present_spikes((uniform(25, 16) < 0.2).astype(np.float32)).numpy()
    return np.concatenate([a.ravel() for a in (counts, net.weight.numpy(), net.theta.numpy(), with_labels)])


# (make with options, call -> numpy, start again, {setting: another value}); "same" marks what these calls can't show
CASES = {
    "models.DiehlCook": (
        digits,
        present,
        {
            "T": 64, "dt": 0.002, "v_rest": -65.5, "v_reset": -65.5, "v_thresh": -63.5, "v_low": -65.0,
            "tau_mem": 30.0, "tau_theta": 50.0, "tau_pre": 5.0, "tau_post": 4.0, "t_refrac": 6.0, "inhibition": 0.5,
            "theta_plus": 0.1, "a_pre": 0.2, "a_post": 0.01, "x_target": 0.3, "w_max": 0.3, "norm": 3.0,
            "max_rate": 90.0, "min_spikes": 30, "tries": 1,
        },
    ),
}  # fmt: skip


def started(make, **options):
    grilly_vk.manual_seed(SEED)
    return make(**options)


@pytest.mark.parametrize("case, name", [(c, n) for c, (_, _, values) in CASES.items() for n in values])
def test_an_assigned_setting_is_as_one_given_at_the_start(case, name):
    make, call, values = CASES[case]
    fresh = call(started(make, **{name: values[name]}))
    changed = started(make)
    setattr(changed, name, values[name])
    np.testing.assert_array_equal(call(changed), fresh)
    assert getattr(changed, name) == values[name]
    assert not np.array_equal(call(started(make)), fresh), "the setting has no effect here"


def test_presentations_after_one_with_other_settings_use_nothing_of_it():
    """T, dt and the trace constants shape a table on the device; it was read past its end."""
    used, fresh = digits(), digits(T=160, tau_pre=5.0, dt=0.0015)
    used.present(uniform(3, 16), learn=False)
    used.present_spikes(uniform(7, 16), learn=False)
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
        net.present(uniform(2, 16))


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
    spikes = grilly_vk.tensor((uniform(20, 16) < 0.2).astype(np.float32))
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
