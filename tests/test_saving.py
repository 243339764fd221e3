"""Files: what goes in comes out, what is damaged is refused, and a run that stops goes on with the same bits."""

import json
import os
import pathlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import grilly_vk
from grilly_vk import nn, optim
from grilly_vk.data import DataLoader
from grilly_vk.tensor import Tensor, from_numpy


def names(folder):
    return [p.name for p in folder.iterdir()]


def test_round_trip(tmp_path):
    path = tmp_path / "all.safetensors"
    state = {
        "tensors": {"f": from_numpy(np.array([[1.5, np.nan]], np.float32)), "b": grilly_vk.tensor([True, False])},
        "scalar": from_numpy(np.array(2.0, np.float32)),
        "empty": from_numpy(np.zeros((0, 3), np.float32)),
        "arrays": [np.arange(3, dtype=np.int64), np.array([1.0]), np.zeros(2, np.uint32)],
        "strided": np.arange(6, dtype=np.int32).reshape(2, 3).T,
        "plain": [1, 2.5, -0.1, True, None, "text é", [], {}, (1, (2,))],
        "huge": 2**80,
        "odd": [float("inf"), float("-inf"), 1e-320],
        "numpy": [np.float32(0.1), np.int64(3), np.bool_(True)],
        3: {"int key": 4},
        "dict": {"tuple": 1, "number": "x"},  # the names that the file's own notes use
        "": 1,
        "a/b": 2,
    }
    grilly_vk.save(path, state)
    got = grilly_vk.load(str(path))
    assert list(got) == list(state)
    assert isinstance(got["tensors"]["f"], Tensor) and got["tensors"]["b"].dtype == np.bool_
    np.testing.assert_array_equal(got["tensors"]["f"].numpy(), state["tensors"]["f"].numpy())
    np.testing.assert_array_equal(got["tensors"]["b"].numpy(), [True, False])
    assert got["scalar"].shape == () and got["scalar"].item() == 2.0 and got["empty"].shape == (0, 3)
    for a, b in zip(got["arrays"], state["arrays"]):
        assert a.dtype == b.dtype and isinstance(a, np.ndarray)
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(got["strided"], state["strided"])
    for name in ("plain", "huge", "odd", 3, "dict", "", "a/b"):
        assert got[name] == state[name], name
    assert got["plain"][3] is True and isinstance(got["plain"][8], tuple)
    assert got["numpy"] == [float(np.float32(0.1)), 3, True]
    assert names(tmp_path) == ["all.safetensors"]


def test_other_programs_read_the_arrays(tmp_path):
    path = tmp_path / "net.safetensors"
    net = nn.Sequential(nn.Linear(3, 2))
    grilly_vk.save(path, {"model": net.state_dict()})
    arrays = load_file(path)
    assert sorted(arrays) == ["model/0.bias", "model/0.weight"]
    np.testing.assert_array_equal(arrays["model/0.weight"], net[0].weight.numpy())


@pytest.mark.parametrize(
    "state, error, text",
    [
        ([1], TypeError, "state must be a dict"),
        ({"a": [object()]}, TypeError, "a/0 is a object"),
        ({"a": {"b": np.array(["x"])}}, TypeError, "a/b is an array of <U1"),
        ({(1, 2): 3}, TypeError, "keys must be strings or whole numbers"),
        ({"a": {True: 1}}, TypeError, "a has the key True"),
        ({"a/b": np.zeros(1), "a": {"b": np.zeros(1)}}, ValueError, "a/b: two entries have the same path"),
        ({"f": print}, TypeError, "f is a builtin_function"),
    ],
)
def test_bad_states(tmp_path, state, error, text):
    with pytest.raises(error, match=text):
        grilly_vk.save(tmp_path / "x", state)
    assert names(tmp_path) == []


def same(a, b):
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and a == b


NAMES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", ".", "/", "a/b", "__metadata__", "\ud800", "\0", "\n", "0", "x" * 3000, "dict", "tensor"]),
    st.text(st.characters(categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), max_size=4),
    st.integers(-3, 3),
)
VALUES = st.one_of(
    st.just(np.arange(3, dtype=np.int16)), st.text(max_size=5), st.integers(), st.floats(allow_nan=False), st.none()
)
STATES = st.dictionaries(
    NAMES, st.recursive(VALUES, lambda inner: st.one_of(st.dictionaries(NAMES, inner, max_size=3), st.lists(inner))),
    max_size=4,
)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(STATES)
@example({"__metadata__": np.zeros(2)})
@example({"a": {"__metadata__": np.zeros(2)}})
@example({"__metadata__": "no array", "\ud800": {"\udfff": "\ud800"}})
@example({"\ud800": np.zeros(1)})
@example({"x": "\ud800\udc00", "y": ["\udcff", "\U00010000"]})
@example({"\ud800\udc00": 1, "\U00010000": 2})
@example({"\0": np.zeros(1), "\n": np.zeros(1)})
@example({"": np.zeros(1), ".": np.zeros(1)})
@example({"": {"a": np.zeros(1)}, "a": np.zeros(1)})
@example({1: np.zeros(1), "1": np.zeros(1)})
@example({"long": 10**5000, 10**5000: 1})
@example({"long": [10**5000, -(10**5000)]})
def test_whatever_save_accepts_can_be_loaded(tmp_path_factory, state):
    path = tmp_path_factory.getbasetemp() / "names.safetensors"
    grilly_vk.save(path, {"good": 1})
    try:
        grilly_vk.save(path, state)
    except (ValueError, TypeError) as error:
        assert grilly_vk.load(path) == {"good": 1}
        assert str(error).isprintable() and len(str(error)) < 500
    else:
        assert same(state, grilly_vk.load(path))


def nested(levels, kind):
    state = {"x": 1}
    for _ in range(levels - 1):
        state = {"d": state} if kind is dict else {"l": [state]} if kind is list else {"t": (state,)}
    return state


@pytest.mark.parametrize(
    "state, error, text",
    [
        ({"__metadata__": np.zeros(1)}, ValueError, "__metadata__: the file format keeps this name for itself"),
        ({"\ud800": np.zeros(1)}, ValueError, "is no valid text; rename the key"),
        (nested(101, dict), ValueError, "nested too deep; files hold 100 levels"),
        (nested(3000, dict), ValueError, "nested too deep"),
        (nested(3000, list), ValueError, "nested too deep"),
        (nested(3000, tuple), ValueError, "nested too deep"),
        ({1 << 5000: 1}, ValueError, "a key of 5001 bits"),
        ({"a": {"m": np.ma.array([1.0, 2.0], mask=[0, 1])}}, TypeError, "a/m is a masked array with 1 masked values"),
        ({"t": np.timedelta64(5, "s")}, TypeError, "t is a timedelta64"),
        ({"x": "y" * 100_000_001}, ValueError, "header too large; files hold 100,000,000 bytes of names"),
    ],
)
def test_what_the_format_cannot_hold_leaves_the_old_file(tmp_path, state, error, text):
    path = tmp_path / "x"
    grilly_vk.save(path, {"good": 1})
    with pytest.raises(error, match=text):
        grilly_vk.save(path, state)
    assert grilly_vk.load(path) == {"good": 1} and names(tmp_path) == ["x"]


def test_as_deep_as_it_says(tmp_path):
    for state in (nested(100, dict), nested(50, list), nested(50, tuple)):
        grilly_vk.save(tmp_path / "x", state)
        assert grilly_vk.load(tmp_path / "x") == state


def test_numbers_that_float64_cannot_hold(tmp_path):
    if np.finfo(np.longdouble).nmant > 52:
        with pytest.raises(TypeError, match="x is a longdouble that float64 can't hold"):
            grilly_vk.save(tmp_path / "x", {"x": np.longdouble(1) + np.finfo(np.longdouble).eps})
    grilly_vk.save(tmp_path / "x", {"x": np.longdouble(0.5), "n": np.longdouble("nan")})
    got = grilly_vk.load(tmp_path / "x")
    assert got["x"] == 0.5 and got["n"] != got["n"]


def test_masks_are_never_lost_silently():
    masked = np.ma.array(np.arange(4, dtype=np.float32), mask=[0, 1, 0, 0])
    whole = np.ma.array(np.arange(4, dtype=np.float32), mask=False)
    net = nn.Linear(4, 1, bias=False)
    ints = masked.astype(np.int32)
    calls = [
        lambda m: grilly_vk.tensor(m),
        lambda m: grilly_vk.ones(4) * m,
        lambda m: nn.Parameter(m),
        lambda m: nn.Buffer(m),
        lambda m: net(m),
        lambda m: grilly_vk.zeros(4).assign(m),
        lambda m: net.load_state_dict({"weight": m.reshape(1, 4)}),
        lambda m: DataLoader(m),
        lambda m: grilly_vk.bernoulli(m / 4),
        lambda m: from_numpy(m),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="is a masked array with 1 masked values"):
            call(masked)
        call(whole)
    with pytest.raises(TypeError, match="masked"):
        grilly_vk.ones(4)[ints]


def test_a_state_that_contains_itself(tmp_path):
    state = {}
    state["self"] = {"inner": state}
    with pytest.raises(ValueError, match="self/inner contains itself"):
        grilly_vk.save(tmp_path / "x", state)
    twice = [1]
    grilly_vk.save(tmp_path / "x", {"a": twice, "b": twice})


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    grilly_vk.save(path, {"a": 1})
    path.chmod(0o640)
    for name in ("fsync", "replace"):

        def fail(*args):
            raise OSError("no space left")

        with monkeypatch.context() as patch:
            patch.setattr(pathlib.Path if name == "replace" else os, name, fail)  # 3.10's Path has its own
            with pytest.raises(OSError, match="no space left"):
                grilly_vk.save(path, {"a": 2})
        assert grilly_vk.load(path) == {"a": 1}
        assert names(tmp_path) == ["x.safetensors"]
    grilly_vk.save(path, {"a": 3})
    assert grilly_vk.load(path) == {"a": 3} and path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(FileNotFoundError):
        grilly_vk.save(tmp_path / "nowhere" / "x", {})
    with pytest.raises(FileNotFoundError):
        grilly_vk.load(tmp_path / "nothing")


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_is_followed(tmp_path):
    link, target = tmp_path / "link", tmp_path / "folder" / "file"
    target.parent.mkdir()
    link.symlink_to(target)
    grilly_vk.save(link, {"a": 1})
    grilly_vk.save(link, {"a": 2})
    assert link.is_symlink() and grilly_vk.load(target) == {"a": 2}


def test_every_damaged_byte_is_noticed(tmp_path):
    path = tmp_path / "x"
    state = {"w": from_numpy(np.arange(4, dtype=np.float32)), "lr": 0.1}
    grilly_vk.save(path, state)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1 << rng.integers(8)
        path.write_bytes(bad)
        try:
            got = grilly_vk.load(path)
        except ValueError as error:
            assert "x" in str(error)
        else:  # a change that means nothing, such as the order of names in the header
            assert got["lr"] == 0.1
            np.testing.assert_array_equal(got["w"].numpy(), state["w"].numpy())
    for cut in (0, 4, 8, 40, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:cut])
        with pytest.raises(ValueError, match="damaged"):
            grilly_vk.load(path)


def test_foreign_files(tmp_path):
    path = tmp_path / "x"
    save_file({"w": np.zeros(3, np.float32)}, path)
    with pytest.raises(ValueError, match=r"was not written by grilly_vk.save; read its arrays with safetensors"):
        grilly_vk.load(path)
    path.write_bytes(b"\x80\x04\x95 this is a pickle")
    with pytest.raises(ValueError, match="damaged or no safetensors file"):
        grilly_vk.load(path)
    path.write_text(json.dumps({"a": 1}))
    with pytest.raises(ValueError, match="damaged or no safetensors file"):
        grilly_vk.load(path)


def test_arrays_are_checked_against_the_notes(tmp_path):
    from safetensors import safe_open

    path = tmp_path / "x"
    grilly_vk.save(path, {"w": from_numpy(np.arange(4, dtype=np.float32))})
    with safe_open(path, "np") as file:
        notes = file.metadata()
    for arrays, text in (
        ({"w": np.zeros(5, np.float32)}, r"w is float32 \(5,\); expected float32 \(4,\)"),
        ({"w": np.zeros(4, np.int32)}, "w is int32"),
        ({"v": np.zeros(4, np.float32)}, "w is missing"),
        ({"w": np.arange(4, dtype=np.float32), "v": np.zeros(1)}, "belong nowhere: v"),
        ({"w": np.zeros(4, np.float32)}, "values of w are not those"),
    ):
        save_file(arrays, path, notes)
        with pytest.raises(ValueError, match=text):
            grilly_vk.load(path)
    notes["grilly_vk"] = notes["grilly_vk"].replace("tensor", "array")
    save_file({"w": np.zeros(4, np.float32)}, path, notes)
    with pytest.raises(ValueError, match="notes are not those"):
        grilly_vk.load(path)


def session():
    net = nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 2))
    opt = optim.AdamW(net.parameters(), lr=0.01)
    plan = optim.SequentialLR(opt, [optim.LinearWarmup(opt, 4), optim.CosineAnnealingLR(opt, 10)], [4])
    return net, opt, plan


def train(net, opt, plan, steps):
    losses = []
    for _ in range(steps):
        opt.zero_grad()
        x = grilly_vk.randn(8, 5)
        loss = (net(x) * net(x)).mean()
        loss.backward()
        optim.clip_grad_norm_(net.parameters(), 0.5)
        opt.step()
        plan.step()
        losses.append(loss.item())
    return losses


def test_save_stop_load_continue_gives_the_same_bits(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    grilly_vk.manual_seed(11)
    net, opt, plan = session()
    train(net, opt, plan, 6)
    grilly_vk.save(
        path,
        {
            "model": net.state_dict(),
            "optimizer": opt.state_dict(),
            "schedule": plan.state_dict(),
            "random": grilly_vk.get_rng_state(),
        },
    )
    wanted = train(net, opt, plan, 6)
    fresh = nn.Linear(3, 3).weight.numpy()  # the host's random numbers too

    grilly_vk.manual_seed(99)
    other, opt2, plan2 = session()
    train(other, opt2, plan2, 2)
    state = grilly_vk.load(path)
    other.load_state_dict(state["model"])
    opt2.load_state_dict(state["optimizer"])
    plan2.load_state_dict(state["schedule"])
    grilly_vk.set_rng_state(state["random"])
    assert train(other, opt2, plan2, 6) == wanted
    for a, b in zip(net.parameters(), other.parameters()):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    np.testing.assert_array_equal(nn.Linear(3, 3).weight.numpy(), fresh)


def test_a_saved_file_holds_the_values_of_that_moment(tmp_path):
    net, opt, plan = session()
    grilly_vk.save(tmp_path / "x", net.state_dict())
    before = {name: t.numpy() for name, t in net.state_dict().items()}
    train(net, opt, plan, 2)
    for name, t in grilly_vk.load(tmp_path / "x").items():
        np.testing.assert_array_equal(t.numpy(), before[name])
