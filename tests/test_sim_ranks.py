"""Networks whose neurons several ranks share: the bits of one rank, and errors that reach all.

Ranks are threads here (helpers/thread_ranks.py); tests/test_mpi.py has processes.
"""

from dataclasses import replace

import numpy as np
import pytest
from rank_networks import DT, connections, mixed, observed, whole_learning, whole_life
from thread_ranks import on_ranks

from grilly_vk import DeviceError, ranks, sim
from grilly_vk.ranks import OtherRank, Ranks
from grilly_vk.runtime import engine
from grilly_vk.sim import network as networks


@pytest.fixture(scope="module")
def alone():
    return whole_life()


def same(got, wanted):
    assert isinstance(got, dict), got
    assert got.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(got[name], wanted[name], err_msg=name)


@pytest.mark.parametrize("size, lanes", [(2, 8), (3, 1)])
def test_the_bits_are_those_of_one_rank(alone, size, lanes, monkeypatch):
    assert sum(len(alone[f"first {i} times"]) for i in range(4)) > 300
    monkeypatch.setattr(engine(), "tuning", replace(engine().tuning, sim_lanes=lanes))
    for got in on_ranks(size, whole_life):
        same(got, alone)


def test_synapses_that_change_do_so_with_the_bits_of_one_rank():
    wanted = whole_learning()
    assert all(len(wanted[f"second {i} times"]) for i in range(3))
    for got in on_ranks(2, whole_learning):
        same(got, wanted)


def test_weights_that_do_not_fit_one_rank_are_given_to_none():
    def gives(comm):
        with sim.Network(comm=comm):
            p = sim.Population(4, "iaf_psc_delta")
            own = sim.Projection(p, p, sim.OneToOne(), weight=sim.Uniform(1.0, 2.0))
        before = own.weights
        try:
            own.weights = [1.0, 1.0, 1.0, 1e6]  # of the last neuron
        except Exception as error:
            return before, error, own.weights

    (before, first, after), (_, second, _) = on_ranks(2, gives)
    assert isinstance(first, OtherRank) and isinstance(second, ValueError) and "weight_max" in str(second)
    np.testing.assert_array_equal(before, after)


def burst(comm):
    """Half of 600 neurons fire at once, and then what follows of it; more ranks have none of `few` than have some."""
    with sim.Network(dt=DT, seed=2, comm=comm) as net:
        many = sim.Population(600, "iaf_psc_delta", I_e=np.repeat([1500.0, 0.0], 300), V_m=-56.0)
        few = sim.Population(2, "iaf_psc_exp", V_m=-54.0)
        sim.Population(0, "izhikevich")
        sim.Projection(many, many, sim.FixedInDegree(30), weight=0.3, delay=1.6)
        sim.Projection(many, few, sim.FixedInDegree(30), weight=20.0, delay=2.0)
        for p in (many, few):
            p.record("spikes")
        few.record("V_m")
    net.run(12.3)
    return observed(net) | connections(net)


def test_bursts_that_outgrow_a_message_and_ranks_without_neurons():
    wanted = burst(None)
    assert np.unique(wanted["0 times"], return_counts=True)[1].max() >= 300 and len(wanted["1 times"])
    for got in on_ranks(4, burst):
        same(got, wanted)


def test_chunks_are_of_one_length_where_the_record_has_little_room(monkeypatch):
    monkeypatch.setattr(networks, "_ROOM", 32 * 40)

    def short(comm):
        with sim.Network(comm=comm, seed=1) as net:
            p = sim.Population(81, "iaf_psc_delta")  # 41 and 40
            sim.PoissonInput(p, 30_000.0, 0.5)
            p.record("spikes")
        net.run(20)
        return net.chunk, *p.spikes

    found = [*on_ranks(2, short), short(None)]
    assert [chunk for chunk, _, _ in found] == [16, 16, 16]
    for _, times, who in found:
        np.testing.assert_array_equal(times, found[2][1])
        np.testing.assert_array_equal(who, found[2][2])


def test_neurons_without_synapses():
    def lonely(comm):
        with sim.Network(comm=comm, seed=1) as net:
            p = sim.Population(5, "iaf_psc_delta")
            sim.PoissonInput(p, 30_000.0, 0.5)
            p.record("spikes")
        net.run(30)
        return observed(net)

    wanted = lonely(None)
    assert len(wanted["0 times"]) > 10
    for got in on_ranks(2, lonely):
        same(got, wanted)


def test_a_state_goes_from_three_ranks_to_one_and_back():
    whole = mixed()
    whole.run(40)
    half = mixed()
    half.run(20)
    state = half.state_dict()

    def goes_on(comm):
        net = mixed(comm)
        net.load_state_dict(state)
        net.run(10)
        return net.state_dict()

    there = on_ranks(3, goes_on)
    back = mixed()
    back.load_state_dict(there[1])
    back.run(10)
    for p, q in zip(back.populations, whole.populations):
        times, who = q.spikes
        late = times > 30.05
        np.testing.assert_array_equal(p.spikes[0], times[late])
        np.testing.assert_array_equal(p.spikes[1], who[late])
        np.testing.assert_array_equal(p.get("V_m"), q.get("V_m"))


def test_what_ranks_say_of_themselves():
    def who(comm):
        net = mixed(comm)
        net.run(1)
        return net.rank, net.num_ranks, net.real_time_factor

    first, second = on_ranks(2, who)
    assert first[:2] == (0, 2) and second[:2] == (1, 2) and first[2] == second[2]
    net = sim.Network(comm=None)
    assert (net.rank, net.num_ranks) == (0, 1)
    with pytest.raises(AttributeError):
        net.rank = 3


@pytest.mark.parametrize("change", ["seed", "parameters", "weight"])
def test_another_description_is_an_error_that_names_the_part(change):
    def build(comm):
        other = comm.Get_rank() == 1
        with sim.Network(seed=5 + (other and change == "seed"), comm=comm) as net:
            p = sim.Population(4, "iaf_psc_delta", label="mine")
            p.set(I_e=np.arange(4.0) + (other and change == "parameters"))
            sim.Projection(p, p, sim.AllToAll(), weight=np.full((4, 4), 2.0 + (other and change == "weight")))
        net.run(1)

    named = {"seed": "seed", "parameters": "Population mine", "weight": "Projection"}[change]
    for error in on_ranks(2, build):
        assert isinstance(error, OtherRank) and "building a network" in str(error) and named in str(error)


def test_a_rank_that_fails_ends_the_run_of_all_and_a_reset_begins_again():
    wanted = mixed()
    wanted.run(20)
    wanted = observed(wanted)

    def fails(comm):
        net = mixed(comm)
        net.run(5)
        take = net.record._rows

        def full(*where):
            raise MemoryError("no room")

        if net.rank == 1:
            net._exchange._deliver = full
        try:
            net.run(5)
        except Exception as error:
            first = error
        try:
            net.run(5)
        except Exception as error:
            second = error
        assert net.record._rows == take
        net._exchange._deliver = net._deliver
        net._exchange.changed()
        net.reset()
        net.run(20)
        return first, second, observed(net)

    found = on_ranks(2, fails)
    assert isinstance(found[1][0], MemoryError)
    assert isinstance(found[0][0], OtherRank) and "rank 1 failed: MemoryError: no room" in str(found[0][0])
    for _, second, after in found:
        assert type(second) is RuntimeError and "reset()" in str(second)
        same(after, wanted)


def test_ranks_that_make_different_calls():
    def differs(comm):
        net = mixed(comm)
        net.build()
        if net.rank == 0:
            net.run(3)
        else:
            net.populations[0].get("V_m")

    for error in on_ranks(2, differs):
        assert isinstance(error, OtherRank) and "rank 0 does Network.run and rank 1 reading V_m" in str(error)

    def longer(comm):
        mixed(comm).run(3 + comm.Get_rank())

    for error in on_ranks(2, longer):
        assert isinstance(error, OtherRank) and "Network.run differs between rank 0 and rank 1: 30 and 40" in str(error)


def test_a_rank_that_waits_long_says_so(monkeypatch, caplog):
    monkeypatch.setattr(ranks, "_PATIENCE", 0.05)

    def late(comm):
        own = Ranks.of(comm)
        if own.rank == 1:
            ranks.threading.Event().wait(0.3)
        with own.together("the meeting"):
            pass

    assert on_ranks(2, late) == [None, None]
    assert [r.getMessage() for r in caplog.records] == [
        "rank 0 waits for the other ranks in the meeting; every rank must make this call"
    ]


def test_long_words_go_in_pieces(monkeypatch):
    monkeypatch.setattr(ranks, "_PIECE", 1000)

    def talk(comm):
        own = Ranks.of(comm)
        return own.meet(np.arange(3000 * own.rank + 7))

    for found in on_ranks(3, talk):
        assert [len(x) for x in found] == [7, 3007, 6007] and (found[2] == np.arange(6007)).all()


@pytest.mark.parametrize("given", [3, "all", {}, [1]], ids=str)
def test_no_communicator(given):
    with pytest.raises(TypeError, match=r'comm must be a communicator of mpi4py, "world" or None'):
        sim.Network(comm=given)


# ---- devices ----


def of_kind(kind, uuid="a"):
    return replace(engine().info, type=kind, uuid=uuid)


class Opened:
    def __init__(self, info):
        self.info = info


@pytest.mark.parametrize("kind, uuids, share, fine", [
    ("discrete", "aa", False, False), ("discrete", "ab", False, True), ("discrete", "aa", True, True),
    ("integrated", "aa", False, False), ("cpu", "aa", False, True),
])  # fmt: skip
def test_two_ranks_share_no_gpu_unless_asked(kind, uuids, share, fine, monkeypatch):
    mine = {}
    monkeypatch.setattr(ranks, "opened_engine", lambda: Opened(mine[ranks.threading.get_ident()]))

    def take(comm):
        mine[ranks.threading.get_ident()] = of_kind(kind, uuids[comm.Get_rank()])
        return Ranks.of(comm).take_device(share)

    for found in on_ranks(2, take):
        if fine:
            assert found.type == kind
        else:
            assert isinstance(found, DeviceError) and "ranks 0, 1 would share one GPU" in str(found)
            assert "GRILLY_VK_SHARE_DEVICE=1" in str(found)


def test_the_environment_lets_ranks_share(monkeypatch):
    monkeypatch.setenv("GRILLY_VK_SHARE_DEVICE", "1")
    monkeypatch.setattr(ranks, "opened_engine", lambda: Opened(of_kind("discrete")))
    assert all(found.type == "discrete" for found in on_ranks(2, lambda comm: Ranks.of(comm).take_device()))


@pytest.mark.parametrize("kinds, many, share, wanted", [
    (["cpu", "discrete", "integrated", "discrete"], 2, False, [1, 3]),
    (["cpu", "integrated"], 1, False, [1]),
    (["cpu"], 3, False, [None, None, None]),
    (["discrete"], 2, True, [0, 0]),
    (["discrete"], 2, False, DeviceError),
])  # fmt: skip
def test_devices_go_to_the_ranks_of_a_machine_in_turn(kinds, many, share, wanted, monkeypatch):
    there = [replace(engine().info, index=i, type=kind) for i, kind in enumerate(kinds)]
    chosen = []
    monkeypatch.setattr(ranks, "devices", lambda: there)
    monkeypatch.setattr(ranks, "set_device", lambda index=None: chosen.append(index))
    monkeypatch.delenv("GRILLY_VK_DEVICE", raising=False)
    monkeypatch.setenv("LP_NUM_THREADS", "")
    if wanted is DeviceError:
        with pytest.raises(DeviceError, match="2 ranks on this machine have 1 GPUs"):
            ranks._open(0, many, 8, share)
        return
    for here in range(many):
        ranks._open(here, many, 8, share)
    assert chosen == wanted
    assert ranks.os.environ["LP_NUM_THREADS"] == str(8 // many)
    monkeypatch.setenv("LP_NUM_THREADS", "5")
    monkeypatch.setenv("GRILLY_VK_DEVICE", "0")
    ranks._open(1, 2, 8, share)
    assert chosen[-1] is None and ranks.os.environ["LP_NUM_THREADS"] == "5"
