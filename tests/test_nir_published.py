"""The published comparison of NIR: one LIF neuron in eleven simulators, a convolutional and two recurrent networks."""

from pathlib import Path

import nir_float64 as reference
import numpy as np
import pytest

import grilly_vk.functional as F
from grilly_vk.nir import from_nir, save, to_nir

nir = pytest.importorskip("nir")
DATA = Path(__file__).parent / "data" / "nir"
DT = 1e-4


@pytest.fixture(scope="module")
def lists():
    with np.load(DATA / "lif_lists.npz") as file:
        return dict(file)


def neuron(*, tau=2.5e-3, r=1.0, v_threshold=0.1, weight=1.0, before=None, after=None):
    """The graph of the comparison, with other parameters, and delays before or after the neuron."""
    one = np.ones(1)
    chain = [
        nir.Affine(np.full((1, 1), weight), np.zeros(1)), before,
        nir.LIF(tau=tau * one, r=r * one, v_leak=0 * one, v_threshold=v_threshold * one), after,
    ]  # fmt: skip
    return nir.NIRGraph.from_list(nir.Input(np.array([1])), *[n for n in chain if n is not None])


def trace(graph, x, **settings):
    """Steps of spikes, and the potentials after each step."""
    net = from_nir(graph, dt=DT, **settings)
    cell = next(part for part in net.children() if hasattr(part, "v_threshold"))
    cell.store_v_seq = True
    spikes = net(x.reshape(-1, 1, 1)).numpy().ravel()
    return np.flatnonzero(spikes), cell.v_seq.numpy().ravel().astype(np.float64)


@pytest.mark.parametrize("integrator", ["euler", "exact"])
def test_the_single_neuron_spikes_where_it_was_published(lists, integrator):
    steps, _ = trace(DATA / "lif_norse.nir", lists["input"], integrator=integrator)
    assert steps.tolist() == [460, 510, 710, 760]


def test_norse_is_euler(lists):
    steps, v = trace(DATA / "lif_norse.nir", lists["input"])
    assert steps.tolist() == lists["norse_spikes"].tolist()
    np.testing.assert_allclose(v, lists["norse_v"], atol=1e-5)


def exact_with_the_rest_of_the_step(v, x):
    """Potentials if the reset comes when the threshold is crossed within the step, as in the exact list.

    After a spike ours start at 0 with the next step; what the neuron takes up in the rest of the step decays on.
    """
    out, keep = v.copy(), np.exp(-DT / 2.5e-3)
    fired = np.flatnonzero((v[1:] == 0) & (v[:-1] > 0.05)) + 1
    for t in fired:
        crossing = -np.log((0.1 - x[t]) / (out[t - 1] - x[t])) * 2.5e-3  # seconds into the step
        more = x[t] * -np.expm1(-(DT - crossing) / 2.5e-3)
        out[t:] = v[t:] + more * keep ** np.arange(len(v) - t)
    return out


def test_the_exact_list_is_exact_integration(lists):
    x = lists["input"].astype(np.float64)
    steps, v = trace(DATA / "lif_norse.nir", lists["input"], integrator="exact")
    assert steps.tolist() == lists["exact_spikes"].tolist()
    first = steps[0]
    np.testing.assert_allclose(v[:first], lists["exact_v"][:first], atol=1e-5)
    np.testing.assert_allclose(exact_with_the_rest_of_the_step(v, x), lists["exact_v"], atol=1e-5)


@pytest.mark.parametrize("name", ["snntorch", "spinnaker2"])
def test_lists_of_inputs_without_the_gain_are_euler_with_r_of_tau_over_dt(lists, name):
    # their potential takes up the whole input, so that the threshold is 25 times as high
    steps, v = trace(neuron(r=25.0, v_threshold=2.5), lists["input"])
    assert steps.tolist() == lists[f"{name}_spikes"].tolist()
    # SpiNNaker2 has fixed-point weights: 0.9998 in place of 1
    np.testing.assert_allclose(v, lists[f"{name}_v"], atol=1e-5 if name == "snntorch" else 1e-3)


@pytest.mark.parametrize("name", ["sinabs", "rockpool"])
def test_lists_of_exact_decay_with_euler_gain(lists, name):
    r = DT / 2.5e-3 / -np.expm1(-DT / 2.5e-3)  # undoes the exact gain
    steps, v = trace(neuron(r=r), lists["input"], integrator="exact", reset="subtract")
    assert steps.tolist() == lists[f"{name}_spikes"].tolist() == [450, 500, 710, 760]
    np.testing.assert_allclose(v, lists[f"{name}_v"], atol=1e-5)


def test_nengo_is_exact_integration_with_a_threshold_of_one(lists):
    steps, v = trace(neuron(r=10.0, v_threshold=1.0), lists["input"], integrator="exact")
    assert steps.tolist() == lists["nengo_spikes"].tolist()
    np.testing.assert_allclose(v, lists["nengo_v"], atol=1e-4)  # its own output is float32 of a larger value


@pytest.mark.parametrize(("name", "scale", "atol"), [("float", 1.0, 1e-5), ("fixed", 16000.0, 40.0)])
def test_lava_is_euler_with_the_input_a_step_later(lists, name, scale, atol):
    steps, v = trace(neuron(before=nir.Delay(np.array([DT]))), lists["input"])
    assert steps.tolist() == lists[f"lava_cpu_{name}_spikes"].tolist() == [461, 511, 711, 761]
    np.testing.assert_allclose(v * scale, lists[f"lava_cpu_{name}_v"], atol=atol)  # whole numbers in fixed point


def test_the_list_of_lava_on_loihi_differs_from_its_simulation_only_while_it_spikes(lists):
    steps, _ = trace(neuron(before=nir.Delay(np.array([DT]))), lists["input"])
    assert steps.tolist() == lists["lava_loihi_fixed_spikes"].tolist()
    apart = np.flatnonzero(lists["lava_loihi_fixed_v"] != lists["lava_cpu_fixed_v"])
    assert set(apart) == set(steps)  # it shows 128 instead of 0 in the step of a spike


def test_spyx_spikes_a_step_after_the_potential_has_crossed(lists):
    steps, v = trace(neuron(after=nir.Delay(np.array([DT]))), lists["input"])
    assert steps.tolist() == lists["spyx_spikes"].tolist() == [461, 511, 711, 761]
    np.testing.assert_allclose(v[:460], lists["spyx_v"][:460], atol=1e-5)  # then its reset is a step later, too


def test_the_file_of_rockpool_loads_with_its_batch_axes(lists):
    steps, _ = trace(DATA / "lif_rockpool.nir", lists["input"])
    want = reference.run(nir.read(DATA / "lif_rockpool.nir", type_check=False), lists["input"].reshape(-1, 1, 1), DT)
    assert steps.tolist() == np.flatnonzero(want["1_LIFNeuronTorch"]).tolist()


NETWORKS = {
    "cnn_sinabs": dict(dt=1.0, reset="value"),
    "braille_noDelay_bias_zero": dict(dt=DT, reset="value"),
    "braille_noDelay_noBias_subtract": dict(dt=DT, reset="subtract"),
}


def events(name):
    rng = np.random.default_rng(5)
    if name == "cnn_sinabs":
        return (rng.random((30, 3, 2, 34, 34)) < 0.12).astype(np.float32)
    rates = rng.uniform(0.05, 0.5, (1, 16, 12))
    return (rng.random((256, 16, 12)) < rates).astype(np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_published_network_equals_the_float64_interpreter(name):
    settings, x = NETWORKS[name], events(name)
    graph = nir.read(DATA / f"{name}.nir")
    late = {("lif1.lif", "lif1.w_rec")}
    want = reference.run(graph, x, late=late, **settings)
    net = from_nir(DATA / f"{name}.nir", **settings)
    found = {}
    for node in graph.nodes:
        part = net.part(node)
        if part is not None and hasattr(part, "v_threshold"):
            part.register_forward_hook(lambda m, args, out, node=node: found.setdefault(node, []).append(out.numpy()))
    y = net(x).numpy()
    assert 0.002 < y.mean() < 0.9
    assert reference.agreement(y, want["output"]) >= 0.999
    for node, parts in found.items():
        ours = parts[0] if parts[0].shape == want[node].shape else np.stack(parts)
        assert ours.any()
        assert reference.agreement(ours, want[node]) >= 0.999
        # float32 decides only where the potential is next to the threshold; that changes what follows in that sample
        wrong = (ours != want[node]).reshape(*ours.shape[:2], -1)
        gaps = np.abs(want[f"{node}.gap"]).reshape(wrong.shape)
        if node in ("1", "lif1.lif") and wrong.any():
            for b in np.flatnonzero(wrong.any((0, 2))):
                t = np.flatnonzero(wrong[:, b].any(-1))[0]
                assert gaps[t, b][wrong[t, b]].max() < 1e-4


def same_graph(a, b):
    """Nodes, edges and all numbers with their types."""
    assert set(a.nodes) == set(b.nodes)
    assert sorted(map(tuple, a.edges)) == sorted(map(tuple, b.edges))
    for name, node in a.nodes.items():
        other = b.nodes[name]
        assert type(node) is type(other)
        if isinstance(node, nir.NIRGraph):
            same_graph(node, other)
            continue
        for key, value in vars(node).items():
            if key not in ("metadata", "input_type", "output_type"):
                own, new = np.asarray(value), np.asarray(getattr(other, key))
                assert own.dtype.kind == new.dtype.kind and np.array_equal(own, new), (name, key)
                if own.dtype.kind == "f":
                    assert own.dtype == new.dtype, (name, key)


@pytest.mark.parametrize("name", [*NETWORKS, "lif_norse", "lif_rockpool"])
def test_a_published_network_is_the_same_graph_when_it_is_written_again(name, tmp_path):
    settings = NETWORKS.get(name, dict(dt=DT, reset="value"))
    before = nir.read(DATA / f"{name}.nir", type_check=False)
    net = from_nir(before, **settings)
    same_graph(before, to_nir(net))
    save(net, tmp_path / "again.nir")
    after = nir.read(tmp_path / "again.nir")  # with its own check of types
    same_graph(before, after)
    again = from_nir(tmp_path / "again.nir")  # which remembers dt and reset
    x = events(name)[:40] if name in NETWORKS else np.ones((40, 1, 1), np.float32)
    np.testing.assert_array_equal(again(x).numpy(), net(x).numpy())


def test_a_network_goes_on_from_its_state():
    x = events("braille_noDelay_bias_zero")
    net = from_nir(DATA / "braille_noDelay_bias_zero.nir", dt=DT)
    whole = net(x).numpy()
    F.reset_net(net)
    np.testing.assert_array_equal(np.concatenate([net(x[:100]).numpy(), net(x[100:]).numpy()]), whole)
    F.reset_net(net)
    F.set_step_mode(net, "s")
    np.testing.assert_array_equal(np.stack([net(row).numpy() for row in x[:20]]), whole[:20])
