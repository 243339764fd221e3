"""grilly_vk.sim: networks in files, taken up in mid-run, refused by networks that are others."""

import numpy as np
import pytest

import grilly_vk
from grilly_vk import sim


def net(seed=3, size=30, model="iaf_psc_exp", degree=5, weight=60.0, rate=8000.0, inputs=1, extra=False, rule=None):
    """Noise, a current, sources, a learning and two plain projections, in two models."""
    with sim.Network(dt=0.1, seed=seed) as out:
        a = sim.Population(size, model, label="a")
        b = sim.Population(20, "aeif_cond_exp", label="b", I_e=800.0)
        sim.Projection(a, a, sim.FixedInDegree(degree), weight=weight, delay=1.5)
        sim.Projection(a, b, sim.FixedInDegree(4), weight=sim.Normal(20.0, 2.0), delay=2.0, weight_max=90.0)
        rule = rule or sim.STDP(Wmax=200.0, A_plus=0.1, A_minus=0.12)
        sim.Projection(a, a, sim.FixedInDegree(3), weight=30.0, delay=1.0, synapse=rule)
        if extra:
            sim.Projection(b, a, sim.AllToAll(), weight=1.0)
        listed, regular = sim.SpikeSource(2, [[5.0, 70.0, 90.0], [40.0]]), sim.RegularSource(3, 70.0)
        sim.Projection(listed, b, sim.AllToAll(), weight=15.0)
        sim.Projection(regular, b, sim.AllToAll(), weight=12.0)
        for _ in range(inputs):
            sim.PoissonInput(a, rate, 80.0)
        a[:5].inject(np.sin, 10.0, 30.0)
        a.record("spikes")
        b.record("spikes", "V_m")
    return out


def found(network):
    """Spikes and samples from where it began to record."""
    a, b, *_ = network.populations
    return [*a.spikes, *b.spikes, *b.samples("V_m"), *(p.weights for p in network.projections)]


def changed(network):
    a, b, listed, regular = network.populations
    a[:10].set(I_e=250.0, C_m=np.linspace(200, 250, 10))
    b.set(V_m=-60.0)
    listed.add_times([[95.0, 96.0], [101.0]])
    regular.set(interval=7.7)
    network.projections[0].weights = 75.0
    network.projections[1].weights = np.linspace(10, 80, 80)
    network.projections[2].weights = np.linspace(10, 80, 90)
    return network


def test_a_file_goes_on_bit_for_bit_in_a_network_that_was_just_made(tmp_path):
    one = net()
    one.populations[0].set(V_m=np.linspace(-70, -56, 30))
    one.run(20)
    changed(one).run(43.7)
    one.save(tmp_path / "n.safetensors")
    one.clear()
    one.run(60)
    want = found(one)
    other = net()
    other.run(5)
    other.load(tmp_path / "n.safetensors")
    assert other.t == pytest.approx(63.7) and len(other.populations[0].spikes[0]) == 0
    other.run(60)
    assert len(want[0]) > 50 and len(want[2]) > 5
    for got, wanted in zip(found(other), want):
        np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(other.populations[0].get("C_m"), one.populations[0].get("C_m"))
    for network in (one, other):  # first values and weights are the file's too
        network.reset()
        network.run(20)
    for got, wanted in zip(found(other), found(one)):
        np.testing.assert_array_equal(got, wanted)


def test_a_file_of_a_plain_network_takes_back_what_was_set(tmp_path):
    plain = net()
    plain.run(20)
    plain.save(tmp_path / "n.safetensors")
    plain.clear()
    plain.run(30)
    want = found(plain)
    other = changed(net())
    other.run(3)
    other.load(tmp_path / "n.safetensors")
    other.run(30)
    for got, wanted in zip(found(other), want):
        np.testing.assert_array_equal(got, wanted)
    other.reset()
    plain.reset()
    for got, wanted in zip(found(other), found(plain)):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 4}, "its seed is 3, this one's 4"),
        ({"size": 31}, "population 0 is Population\\(30, 'iaf_psc_exp', label='a'\\), here Population\\(31"),
        ({"model": "iaf_psc_alpha"}, "population 0 is Population\\(30, 'iaf_psc_exp'.*'iaf_psc_alpha'"),
        ({"degree": 6}, "projection 0 is Projection\\(a -> a, FixedInDegree\\(5.*FixedInDegree\\(6"),
        ({"weight": 61.0}, "weight of projection 0, Projection\\(a -> a.*differs"),
        ({"extra": True}, "it has 5 projections, this one 6"),
        ({"inputs": 2}, "it has 1 inputs, this one 2"),
        ({"rate": 8001.0}, "rate of input 0, PoissonInput into Population\\(30.*differs"),
        ({"rule": sim.STDP(Wmax=201.0, A_plus=0.1, A_minus=0.12)}, "synapse of projection 2"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_a_file_of_another_network_is_refused_by_name(other, message, tmp_path):
    one = net()
    one.run(1)
    one.save(tmp_path / "n.safetensors")
    wrong = net(**other)
    wrong.run(2)
    before = wrong.state_dict()
    with pytest.raises(ValueError, match=f"is of another network: .*{message}"):
        wrong.load(tmp_path / "n.safetensors")
    after = wrong.state_dict()
    assert wrong.t == pytest.approx(2)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_other_files_are_refused(tmp_path):
    one = net()
    one.run(1)
    grilly_vk.save(tmp_path / "w.safetensors", {"weight": np.ones(3)})
    with pytest.raises(ValueError, match="holds no network"):
        one.load(tmp_path / "w.safetensors")
    one.save(tmp_path / "n.safetensors")
    data = bytearray((tmp_path / "n.safetensors").read_bytes())
    data[-9] ^= 1
    (tmp_path / "n.safetensors").write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        one.load(tmp_path / "n.safetensors")
    with pytest.raises(FileNotFoundError):
        one.load(tmp_path / "none")
    assert one.t == pytest.approx(1)
