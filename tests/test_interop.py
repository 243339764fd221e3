"""Weights of other frameworks: names, neurons, files, errors, and arrays by DLPack; see test_interop_networks.py."""

import copy
import json
import struct
import sys

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.interop import LoadReport, StateMismatch, from_dlpack, load_torch_state, to_torch_state
from grilly_vk.nn.dialects import snntorch

# ---- names ----


def small():
    return nn.Sequential(nn.Linear(3, 4), nn.LIFNode(), nn.Linear(4, 2))


def weights(seed=0, names=("fc1", "fc2")):
    rng = np.random.default_rng(seed)
    shapes = ((4, 3), (4,)), ((2, 4), (2,))
    return {
        f"{name}.{part}": rng.normal(size=shape).astype(np.float32)
        for name, both in zip(names, shapes)
        for part, shape in zip(("weight", "bias"), both)
    }


def loaded(net):
    return {k: v.numpy() for k, v in net.state_dict().items()}


@pytest.mark.parametrize(
    "mapping",
    [
        {"fc1": "0", "fc2": "2"},
        {"fc1.": "0.", "fc2.weight": "2.weight", "fc2.bias": "2.bias"},
        "order",
        lambda name: name.replace("fc1", "0").replace("fc2", "2"),
    ],
)
def test_mappings(mapping):
    given = weights()
    net = small()
    report = load_torch_state(net, given, mapping)
    assert report.matched == tuple((k, k.replace("fc1", "0").replace("fc2", "2")) for k in given)
    for k, v in given.items():
        np.testing.assert_array_equal(loaded(net)[k.replace("fc1", "0").replace("fc2", "2")], v)
    if isinstance(mapping, dict):
        back = to_torch_state(net, mapping=mapping)
        assert list(back) == list(given)
        assert all((back[k] == given[k]).all() for k in given)


def test_other_names_of_pytorchs_own():
    """An LSTMCell into an LSTM of one layer; attention whose projections are kept apart."""
    rng = np.random.default_rng(0)
    cell = {n: rng.normal(size=s).astype(np.float32) for n, s in (
        ("weight_ih", (16, 3)), ("weight_hh", (16, 4)), ("bias_ih", (16,)), ("bias_hh", (16,)),
    )}  # fmt: skip
    lstm = nn.LSTM(3, 4)
    assert load_torch_state(lstm, cell).fits
    for name, value in cell.items():
        np.testing.assert_array_equal(loaded(lstm)[f"{name}_l0"], value)
    parts = {f"{p}_proj_weight": rng.normal(size=(4, 4)).astype(np.float32) for p in "qkv"}
    rest = {"in_proj_bias": np.zeros(12), "out_proj.weight": np.eye(4), "out_proj.bias": np.zeros(4)}
    attend = nn.MultiheadAttention(4, 2)
    report = load_torch_state(attend, {**parts, **rest})
    assert ("q_proj_weight + k_proj_weight + v_proj_weight", "in_proj_weight") in report.matched
    np.testing.assert_array_equal(attend.in_proj_weight.numpy(), np.concatenate(list(parts.values())))
    parts["v_proj_weight"] = np.zeros((4, 5), np.float32)
    with pytest.raises(StateMismatch, match=r"in_proj_weight: shapes \(4, 4\), \(4, 4\), \(4, 5\)"):
        load_torch_state(attend, {**parts, **rest})


def test_what_wrappers_put_before_names_and_checkpoints():
    plain = weights(names=("0", "2"))
    for state in (
        {f"module.{k}": v for k, v in plain.items()},
        {f"_orig_mod.{k}": v for k, v in plain.items()},
        {"net": plain, "epoch": 3, "optimizer": {"lr": 0.1}, "loss": np.float32(0.3)},
    ):
        net = small()
        load_torch_state(net, state)
        np.testing.assert_array_equal(loaded(net)["0.weight"], plain["0.weight"])
    net = small()
    load_torch_state(net, {f"body.{k}": v for k, v in plain.items()}, {"body": ""})
    np.testing.assert_array_equal(loaded(net)["2.bias"], plain["2.bias"])
    net, inner = small(), {f"body.{k}": v for k, v in weights(names=("0", "head")).items()}
    load_torch_state(net, inner, {"body": "", "body.head": "2"})  # the longest that fits
    np.testing.assert_array_equal(loaded(net)["2.bias"], inner["body.head.bias"])


def test_the_report_and_what_is_not_strict():
    given = weights(names=("0", "2"))
    given["2.weight"] = np.zeros((5, 4), np.float32)
    given["extra"] = given.pop("2.bias")
    given["head.weight"] = np.zeros(3)
    net = small()
    before = loaded(net)
    said = r"nothing was loaded: 1 missing here \(2.bias\); 1 unexpected \(extra\)"
    with pytest.raises(StateMismatch, match=said) as raised:
        load_torch_state(net, given, {"head": None})
    assert len(str(raised.value)) < 300 and "\n" not in str(raised.value)
    assert all((before[k] == v).all() for k, v in loaded(net).items())
    report = load_torch_state(net, given, {"head": None}, strict=False)
    assert report == raised.value.report and isinstance(report, LoadReport) and not report.fits
    assert report.missing == ("2.bias",) and report.unexpected == ("extra",) and report.left_out == ("head.weight",)
    assert report.mismatched == (("2.weight", "shape (5, 4); expected (2, 4)"),)
    np.testing.assert_array_equal(loaded(net)["0.weight"], given["0.weight"])
    np.testing.assert_array_equal(loaded(net)["2.weight"], before["2.weight"])
    assert str(report).splitlines()[:3] == ["2 matched", "  0.weight", "  0.bias"]
    assert "2.weight: shape (5, 4); expected (2, 4)" in str(report)


def test_kinds_of_numbers():
    for dtype in (np.float64, np.float16):
        net = small()
        given = {k: v.astype(dtype) for k, v in weights(names=("0", "2")).items()}
        load_torch_state(net, given)
        np.testing.assert_array_equal(loaded(net)["0.weight"], given["0.weight"].astype(np.float32))
    given["0.weight"] = given["0.weight"] > 0
    with pytest.raises(StateMismatch, match=r"0.weight: bool; expected float32"):
        load_torch_state(small(), given)


def test_tied_weights_that_a_file_has_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
            self.b.weight = self.a.weight

    net = Tied()
    report = load_torch_state(net, {"a.weight": np.eye(3, dtype=np.float32)})
    assert report.fits
    np.testing.assert_array_equal(net.b.weight.numpy(), np.eye(3))


# ---- containers of SpikingJelly's ----


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: nn.SeqToANNContainer(nn.Conv2d(1, 2, 3), nn.GroupNorm(1, 2)), ("0.weight", "1.weight")),
        (lambda: nn.SeqToANNContainer(nn.Linear(2, 3)), ("0.weight", "0.bias")),
        (lambda: nn.MultiStepContainer(nn.Linear(2, 3), nn.ParametricLIFNode()), ("0.weight", "1.w")),
        (lambda: nn.Sequential(nn.MultiStepContainer(nn.ParametricLIFNode()), nn.NeuNorm(3, 2, 2)), ("0.0.w", "1.w")),
        (lambda: nn.Sequential(nn.MultiStepContainer(nn.NeuNorm(3, 2, 2), nn.Identity())), ("0.0.w",)),
        (lambda: nn.LinearRecurrentContainer(nn.ParametricLIFNode(), 3, 3), ("rc.weight", "sub_module.w")),
    ],
)
def test_containers_are_chains_there(make, names):
    net = make()
    there = to_torch_state(net, layers="spikingjelly")
    assert set(names) <= there.keys() and not any("module." in n and "sub_" not in n for n in there)
    changed = {k: v + 1 for k, v in there.items()}
    assert load_torch_state(net, changed).fits
    again = to_torch_state(net, layers="spikingjelly")
    for k, v in changed.items():
        np.testing.assert_allclose(again[k], v, rtol=1e-6)
    inner = {f"0.{k}" if isinstance(net, nn.MultiStepContainer) else k: v for k, v in there.items()}
    assert load_torch_state(net, inner).fits  # a chain that was given as one part


# ---- snnTorch's neurons ----


def test_lapicque():
    """Its state has resistance and capacitance; beta is another number there."""
    node, fresh = snntorch.Lapicque(R=2.0, C=3.0), snntorch.Lapicque(R=5.0, C=1.5)
    state = {**leaky(np.exp(-1 / 7.5)), "R": np.float32(5.0), "C": np.float32(1.5), "time_step": np.float32(1.0)}
    load_torch_state(node, state)
    x = np.random.default_rng(0).random((9, 2, 4), dtype=np.float32) * 2
    np.testing.assert_array_equal(node(x).numpy(), fresh(x).numpy())
    back = to_torch_state(node, layers="snntorch")
    assert back.keys() == state.keys()
    for key, value in state.items():
        np.testing.assert_allclose(back[key], value, rtol=1e-6)


# ---- snnTorch's entries in nodes of SpikingJelly's kind ----


def leaky(beta, threshold=1.0, reset=0, factor=1.0, **more):
    return {
        "threshold": np.float32(threshold), "graded_spikes_factor": np.float32(factor),
        "reset_mechanism_val": np.int64(reset), "beta": np.asarray(beta, np.float32),
        **{k: np.asarray(v, np.float32) for k, v in more.items()},
    }  # fmt: skip


def test_decay_factors_become_time_constants():
    node = nn.LIFNode(tau=7.0, decay_input=False, v_reset=None)
    load_torch_state(node, leaky(0.75, 0.6))
    assert node.tau == pytest.approx(4.0) and node.v_threshold == pytest.approx(0.6)
    load_torch_state(node, leaky([0.5, 0.75]))
    np.testing.assert_allclose(node.tau, [2.0, 4.0])
    back = to_torch_state(node, layers="snntorch")
    np.testing.assert_allclose(back["beta"], [0.5, 0.75])
    assert back["reset_mechanism_val"] == 0 and back["reset_mechanism_val"].dtype == np.int64
    assert to_torch_state(node) == {}  # PyTorch's own layers have no such neuron
    learnt = nn.ParametricLIFNode(decay_input=False)
    load_torch_state(learnt, leaky(0.9, reset=1))
    assert learnt.tau == pytest.approx(10.0, rel=1e-5)
    np.testing.assert_allclose(to_torch_state(learnt, layers="snntorch")["beta"], 0.9, rtol=1e-6)
    synaptic = nn.CUBALIFNode(decay_input=False, v_reset=None)
    load_torch_state(synaptic, leaky(0.5, alpha=0.75))
    assert (synaptic.tau, synaptic.tau_syn) == (2.0, 4.0)
    load_torch_state(nn.IFNode(v_reset=None), leaky(1.0))
    recurrent = nn.RecurrentSynapse(nn.LIFNode(decay_input=False, v_reset=None), nn.Linear(2, 2))
    state = {f"recurrent.{k}": np.full(s, 0.5, np.float32) for k, s in (("weight", (2, 2)), ("bias", (2,)))}
    load_torch_state(recurrent, {**leaky(0.75), **state})
    assert recurrent.node.tau == 4.0 and (recurrent.connection.weight.numpy() == 0.5).all()
    back = to_torch_state(recurrent, layers="snntorch")
    assert back.keys() == {*leaky(0.75), *state}


@pytest.mark.parametrize(
    ("node", "state", "text"),
    [
        (nn.LIFNode(v_reset=None), leaky(0.5), "make the node with decay_input=False"),
        (nn.LIFNode(decay_input=False), leaky(0.5), "reset_mechanism is 'subtract', here it is 'zero'"),
        (nn.LIFNode(decay_input=False, v_reset=None), leaky(0.5, reset=2), "reset_mechanism is 'none'"),
        (nn.LIFNode(decay_input=False, v_reset=None), leaky(1.0), "must lie in .0, 1."),
        (nn.LIFNode(decay_input=False, v_reset=None), leaky(0.5, factor=2.0), "has 2 here; this layer can do 1 alone"),
        (nn.ParametricLIFNode(decay_input=False, v_reset=None), leaky(0.0), "above 0 and below 1"),
        (nn.IFNode(v_reset=None), leaky(0.9), "has 0.9 here"),
    ],
)
def test_neurons_that_are_not_the_same_are_refused(node, state, text):
    before = repr(node)
    with pytest.raises(StateMismatch, match=text) as raised:
        load_torch_state(node, state)
    assert repr(node) == before and len(str(raised.value)) < 300


def test_all_or_nothing_of_settings_too():
    """A setting that a later layer refuses takes those before it back."""
    net = nn.Sequential(nn.LIFNode(decay_input=False, v_reset=None), nn.LIFNode(decay_input=False, v_reset=None))
    state = {f"{i}.{k}": v for i in range(2) for k, v in leaky(0.75).items()}
    state["1.threshold"] = np.float32(np.nan)
    before = repr(net)
    with pytest.raises(ValueError, match=r"1.v_threshold can't be set as the state says: v_threshold must be finite"):
        load_torch_state(net, state)
    assert repr(net) == before


def test_a_compiled_step_notices_loaded_settings():
    node = nn.LIFNode(decay_input=False, v_reset=None, step_mode="m")
    x = np.full((6, 2), 0.3, np.float32)

    @grilly_vk.compile
    def spikes(x):
        F.reset_net(node)
        return node(x).sum()

    before = spikes(x).item()
    load_torch_state(node, leaky(0.99, 0.5))
    fresh = nn.LIFNode(tau=1 / (1 - np.float32(0.99)), decay_input=False, v_reset=None, v_threshold=0.5, step_mode="m")
    assert spikes(x).item() == fresh(x).sum().item() > before


# ---- files ----


class Foreign:
    """A tensor as PyTorch's: numpy reads it only after detach()."""

    def __init__(self, values, dtype="torch.float32", free=False):
        self.values, self.dtype, self.free, self.shape = values, dtype, free, values.shape

    def detach(self):
        return Foreign(self.values, self.dtype, True)

    def cpu(self):
        return self

    def float(self):
        return Foreign(self.values.astype(np.float32), free=True)

    def __array__(self, dtype=None, copy=None):
        if not self.free or self.dtype == "torch.bfloat16":
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values


def test_tensors_of_pytorch():
    given = weights(names=("0", "2"))
    net = small()
    load_torch_state(net, {k: Foreign(v, "torch.bfloat16") for k, v in given.items()})
    np.testing.assert_array_equal(loaded(net)["0.weight"], given["0.weight"])


def raw(entries, damage=0):
    """A safetensors file of (name, dtype, shape, bytes)."""
    head, data = {}, b""
    for name, dtype, shape, part in entries:
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + data[: len(data) - damage]


def test_safetensors_with_bfloat16_and_damage(tmp_path):
    path = tmp_path / "a.safetensors"
    half = np.array([1.0, -2.5, 0.15625], np.float32).view(np.uint32) >> 16
    path.write_bytes(raw([("weight", "BF16", [1, 3], half.astype("<u2").tobytes()), ("bias", "F32", [1], bytes(4))]))
    layer = nn.Linear(3, 1)
    load_torch_state(layer, str(path))
    np.testing.assert_array_equal(layer.weight.numpy(), [[1.0, -2.5, 0.15625]])
    for broken in (raw([("weight", "F32", [1, 3], bytes(12))], 3), b"\1", b"", b"\xff" * 40):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"a.safetensors is damaged or no safetensors file"):
            load_torch_state(layer, path)
    path.write_bytes(raw([("weight", "F8_E4M3", [1, 3], bytes(3))]))
    with pytest.raises(ValueError, match="has weight as F8_E4M3, which can't be read"):
        load_torch_state(layer, path)
    with pytest.raises(FileNotFoundError):
        load_torch_state(layer, tmp_path / "none.safetensors")


def test_files_of_pytorch_without_pytorch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "a.pt"
    path.write_bytes(b"PK\3\4")
    with pytest.raises(ImportError, match=r"PyTorch, which is not installed; safetensors.torch.save_file"):
        load_torch_state(small(), path)
    with pytest.raises(ImportError, match=r"PyTorch, which writes .pt files, is not installed"):
        to_torch_state(small(), tmp_path / "b.pt")
    assert not (tmp_path / "b.pt").exists()


def test_files_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    net, given = small(), weights(names=("0", "2"))
    torch.save({k: torch.as_tensor(v) for k, v in given.items()}, tmp_path / "a.pt")
    load_torch_state(net, tmp_path / "a.pt")
    np.testing.assert_array_equal(loaded(net)["0.weight"], given["0.weight"])
    state = to_torch_state(net, tmp_path / "b.pt")
    there = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Identity(), torch.nn.Linear(4, 2))
    there.load_state_dict(torch.load(tmp_path / "b.pt", weights_only=True))
    there.load_state_dict({k: torch.as_tensor(v) for k, v in state.items()})
    torch.save(there, tmp_path / "whole.pt")  # a pickled module, which would run code
    with pytest.raises(ValueError, match=r"whole.pt is damaged, or holds more than weights"):
        load_torch_state(net, tmp_path / "whole.pt")
    x = torch.from_dlpack(grilly_vk.tensor([1.0, 2.0]))
    np.testing.assert_array_equal(from_dlpack(x.requires_grad_()).numpy(), [1.0, 2.0])
    with pytest.raises(TypeError, match="x, a Tensor, can't be read by DLPack"):
        from_dlpack(torch.ones(3, dtype=torch.bfloat16))


def test_written_files(tmp_path):
    net = small()
    state = to_torch_state(net, tmp_path / "a.safetensors")
    other = small()
    load_torch_state(other, tmp_path / "a.safetensors")
    assert all((loaded(other)[k] == v).all() for k, v in state.items())
    state["0.weight"][:] = 0  # memory of its own
    assert net[0].weight.numpy().any()


# ---- subclasses and copies ----


def test_subclasses_copies_and_networks_that_have_run():
    class Own(nn.LIFNode):
        pass

    net = nn.Sequential(nn.Linear(3, 4), Own(decay_input=False, v_reset=None))
    net(np.ones((2, 3), np.float32))  # a state
    state = {**{f"0.{k[4:]}": v for k, v in weights().items() if k[:3] == "fc1"}}
    state |= {f"1.{k}": v for k, v in leaky(0.75).items()}
    twin = copy.deepcopy(net)
    load_torch_state(twin, state)
    assert twin[1].tau == 4.0 and net[1].tau == 2.0
    assert not np.array_equal(twin[0].weight.numpy(), net[0].weight.numpy())
    np.testing.assert_array_equal(twin[1].v.numpy(), net[1].v.numpy())


# ---- bad input ----


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: load_torch_state(3, {}), TypeError, "module must be a Module, not int"),
        (lambda: load_torch_state(small(), 3), TypeError, "state must be a mapping .* or the path of a file, not int"),
        (lambda: load_torch_state(small(), {"a": "b"}), TypeError, "a of the state is no array of numbers but a str"),
        (lambda: load_torch_state(small(), {1: np.ones(2)}), TypeError, "state has the key '1'; expected names"),
        (lambda: load_torch_state(small(), {"a": {"b": 1}}), TypeError, "with b; pass the mapping inside it"),
        (lambda: load_torch_state(small(), weights(), "sorted"), ValueError, "mapping must be a dict, a function, 'or"),
        (lambda: load_torch_state(small(), weights(), 3), TypeError, "mapping must be a dict, a function, .* not int"),
        (lambda: load_torch_state(small(), weights(), {"fc3": "0"}), ValueError, "mapping names 'fc3', which"),
        (lambda: load_torch_state(small(), weights(), {1: "0"}), TypeError, "must lead from names to names or None"),
        (lambda: load_torch_state(small(), weights(), lambda n: "0"), ValueError, "mapping gives '0' twice"),
        (lambda: load_torch_state(small(), weights(), lambda n: 0), TypeError, "must return a name or None for"),
        (lambda: load_torch_state(nn.Linear(3, 4), weights(), "order"), ValueError, "as many layers there as here"),
        (lambda: load_torch_state(small(), weights(), None, 1), TypeError, "strict must be True or False"),
        (lambda: to_torch_state(small(), layers="keras"), ValueError, "layers must be one of 'torch'"),
        (lambda: to_torch_state(small(), "a.h5"), ValueError, "path must end in .safetensors, .pt or .pth"),
        (lambda: to_torch_state(small(), mapping="order"), TypeError, "mapping must be a dict to be used backwards"),
        (lambda: to_torch_state(small(), mapping={"a": "0", "b": "0"}), ValueError, "gives '0' twice"),
        (lambda: to_torch_state(nn.LIFNode(), layers="snntorch"), ValueError, "tau can't be written: .*divide the"),
        (lambda: to_torch_state(nn.IFNode(v_reset=0.5), layers="snntorch"), ValueError, "has no such reset"),
        (lambda: from_dlpack([1.0]), TypeError, "x must be an array with __dlpack__"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text) as raised:
        call()
    assert len(str(raised.value)) < 300 and "\n" not in str(raised.value)


# ---- DLPack ----


class Capsule:
    """An array that knows DLPack alone."""

    def __init__(self, values, device=None):
        self.values, self.device = values, device

    def __dlpack__(self, **options):
        if self.device:
            raise BufferError("on another device")
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device or self.values.__dlpack_device__()


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.arange(6, dtype=np.float32).reshape(2, 3), np.float32),
        (np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::2], np.float32),
        (np.arange(4, dtype=np.int64), np.int32),
        (np.arange(4, dtype=np.uint8), np.int32),
        (np.arange(4, dtype=np.uint32), np.uint32),
        (np.array(3.0, np.float32), np.float32),
        (np.zeros((0, 3), np.float32), np.float32),
    ],
)
def test_arrays_come_in_by_dlpack(values, dtype):
    for form in (values, Capsule(values)):
        got = from_dlpack(form)
        assert got.dtype == dtype and got.shape == values.shape
        np.testing.assert_array_equal(got.numpy(), values)
    assert grilly_vk.from_dlpack is from_dlpack


def test_dlpack_there_and_back_copies():
    t = grilly_vk.tensor([[1.0, 2.0], [3.0, 4.0]])
    if not t.engine.host_visible:
        pytest.skip("the host does not see this device's memory")
    seen = np.from_dlpack(t)
    back = from_dlpack(seen)
    t += 1.0
    grilly_vk.synchronize()
    np.testing.assert_array_equal(back.numpy(), [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(seen, t.numpy())  # out: the memory itself
    np.testing.assert_array_equal(from_dlpack(t).numpy(), t.numpy())
    with pytest.raises(BufferError, match="does not lie in memory that the host sees"):
        from_dlpack(Capsule(np.ones(2), (2, 0)))
    with pytest.raises(ValueError, match="data must fit int32"):
        from_dlpack(np.array([1 << 40]))
