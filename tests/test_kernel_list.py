"""`info --kernels`: the list of kernels is what the shaders declare and what public calls really launch."""

import json
import sys
import weakref
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import test_ops
from public_calls import CALLS

import grilly_vk
from grilly_vk import autograd, nn
from grilly_vk.cli import main
from grilly_vk.cli.kernel_list import kernel_entries
from grilly_vk.cli.kernel_uses import installed
from grilly_vk.runtime import kp
from grilly_vk.runtime.engine import Engine
from grilly_vk.runtime.kernel import REGISTRY
from grilly_vk.runtime.kernels import Kernels
from grilly_vk.tensor import engine

SHADERS = Path(__file__).parent.parent / "shaders"
FILES = [file for file in Kernels().names() if "~" not in file]  # sim-advance of each model is one kernel
HOST_CALLS = {face.name for face in kp.host_faces()}
NAMES = sorted({file.split(".")[0] for file in FILES})


@pytest.fixture(scope="module")
def uses():
    return installed()


class Launches:
    """Watches which kernels are launched, and through which public calls: those on the stack, the innermost first.

    A gradient's closure, a hook, and a module of a class that is not public run later than the call they belong to:
    that is noted when they are made.
    """

    def __init__(self, uses, monkeypatch):
        self.uses = uses
        self.seen = []  # (kernel, the nearest public names, all public names on the stack)
        self.made_by = {}
        self.modules = {}
        self.nodes = weakref.WeakKeyDictionary()
        issue, node, hook = Engine.issue, autograd.Node.__init__, nn.Module.register_forward_hook
        init = nn.Module.__init__
        stream = engine().stream
        marker = stream._marker

        def issued(own, pipeline, *args):
            if pipeline.name not in HOST_CALLS:  # no kernels of the device
                self.note(pipeline.name.partition("~")[0])
            issue(own, pipeline, *args)

        def made(own, /, *args, **kwargs):
            self.modules[id(own)] = (own, self.stack())
            init(own, *args, **kwargs)

        def marked(draws):
            self.note("mark")
            return marker(draws)

        def recorded(own, name, edges, shapes, outputs, backward, saved):
            self.nodes[own] = self.stack()
            node(own, name, edges, shapes, outputs, backward, saved)

        def hooked(own, function, *args, **kwargs):
            self.keep(function if hasattr(function, "__code__") else type(function).__call__)
            return hook(own, function, *args, **kwargs)

        monkeypatch.setattr(Engine, "issue", issued)
        monkeypatch.setattr(nn.Module, "__init__", made)
        monkeypatch.setattr(stream, "_marker", marked)
        monkeypatch.setattr(autograd.Node, "__init__", recorded)
        monkeypatch.setattr(nn.Module, "register_forward_hook", hooked)

    def keep(self, function):
        code = getattr(function, "__code__", None)
        if code is not None:
            self.made_by.setdefault(code, []).extend(self.stack())

    def stack(self):
        """The public names of each frame that has some."""
        frame, out = sys._getframe(2), []
        while frame is not None:
            code = frame.f_code
            if "grilly_vk" in code.co_filename:
                own = frame.f_locals.get("self")
                names = self.uses.names(code, None if own is None else type(own))
                out += [names] if names else self.modules.get(id(own), (None, []))[1]
                out += self.made_by.get(code, [])
                out += self.nodes.get(own, []) if isinstance(own, autograd.Node) else []
            frame = frame.f_back
        return out

    def note(self, kernel):
        stack = self.stack()
        name = kernel.split(".")[0].split("~")[0]
        self.seen.append((name, stack[0] if stack else [], {n for names in stack for n in names}))


@pytest.fixture(scope="module")
def listed(uses):
    """The public calls of each kernel."""
    return {kernel: set(uses.of(kernel)) for kernel in NAMES}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_launches_what_the_list_says(name, uses, listed, monkeypatch):
    """Each kernel that the example launches is listed with the public call it came through."""
    grilly_vk.synchronize()
    watch = Launches(uses, monkeypatch)
    CALLS[name]()
    grilly_vk.synchronize()
    assert watch.seen, f"the example of {name} in tests/helpers/public_calls.py launches nothing"
    assert any(name in stack for _, _, stack in watch.seen), f"the example of {name} never calls it"
    for kernel, nearest, _ in watch.seen:
        if kernel == "mark" or (kernel == "copy" and not nearest and not engine().host_visible):
            continue  # whoever submits; an example's array on its way through staging memory
        assert nearest, f"{kernel} was launched outside of every public call"
        assert set(nearest) & listed[kernel], (
            f"{nearest} launched {kernel}, which is listed with {sorted(listed[kernel])[:8]} only: "
            "grilly_vk/cli/kernel_uses.py can't follow how the call gets there"
        )


def test_every_kernel_has_a_public_call(uses, listed):
    sources = {p.stem for p in SHADERS.rglob("*.glsl") if p.parent.name != "include"}
    unbuilt = {p.stem for p in SHADERS.glob("matrices/*.glsl")} - set(NAMES)  # by an older compiler
    assert sorted(sources - unbuilt) == NAMES
    unused = [name for name in NAMES if not listed[name]]
    assert not unused, (
        f"no public call launches the kernels {', '.join(unused)}: call the functions in grilly_vk/ops that do from a "
        "layer, a function of grilly_vk.functional, a method of Tensor or of VulkanCompute().snn; see "
        "docs/add_a_kernel.md"
    )


def test_inherited_methods_are_followed_upwards(listed):
    """Constructors over several classes, each of which calls the one above; what only shows an object is left out."""
    assert "grilly_vk.monitor.PotentialMonitor" in listed["monitor-append"]
    assert "optim.AdamW" in listed["fill"]
    assert not [name for names in listed.values() for name in names if name.endswith("extra_repr")]


def test_there_are_nineteen_snn_kernels_in_use(listed):
    """Document 001: "the 19 SNN compute shaders (snn-*.glsl)"."""
    spiking = [name for name in NAMES if name.startswith("snn-")]
    assert len(spiking) >= 19
    assert all(listed[name] for name in spiking)


def test_every_kernel_is_launched_by_a_public_call(uses, listed, monkeypatch):
    """By the examples and the op table, through a call that the list names."""
    watch = Launches(uses, monkeypatch)
    for call in CALLS.values():
        call()
    for op in test_ops.OPS:
        for sample in op.samples:
            inputs = test_ops.tensors(sample, grad=op.differentiable and all(a.size for a in sample.arrays))
            for result in test_ops.several(op.run(*inputs, **sample.options)):
                if result.requires_grad:
                    result.sum().backward(retain_graph=True)
    grilly_vk.synchronize()
    launched = defaultdict(set)
    for kernel, _, stack in watch.seen:  # what hooks launch stands under all that hung the same hook up
        launched[kernel] |= listed[kernel] if kernel == "mark" else stack & listed[kernel]
    # Kernels that share loads among lanes are for devices whose lanes are known to do so in step, and these take
    # recurrent cores step by step, with products.
    other = "snn-recurrent-" if engine().info.lanes else "-lanes"
    elsewhere = {name for name in NAMES if other in name or ("-matrices" in name and engine().matrices.lacking)}
    if not engine().host_products:  # steps whose products the host makes
        elsewhere |= {name for name in NAMES if "-node-step-" in name}
    silent = [name for name in NAMES if not launched[name] and name not in elsewhere]
    assert not silent, "add examples to CALLS in tests/helpers/public_calls.py: " + "; ".join(
        f"nothing launched {name}, which {' or '.join(uses.of(name)[:4]) or 'no public call'} would" for name in silent
    )


# --- the command ---------------------------------------------------------------------


@pytest.fixture
def cli(capsys):
    def run(*words):
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_list_is_complete(cli):
    code, out, err = cli("info", "--kernels")
    assert (code, err) == (0, "")
    titles = [line.split(" ")[0] for line in out.splitlines() if line and not line.startswith(" ")]
    assert titles == NAMES
    assert max(map(len, out.splitlines())) <= 120


def test_a_kernel_in_full(cli):
    """snn-lif as its shader declares it."""
    code, out, _ = cli("info", "--kernels", "snn-lif")
    assert code == 0
    assert out.startswith("snn-lif (and snn-lif.vec4)\n")
    lines = [line.split() for line in out.splitlines()]
    assert ["binding", "0", "x", "reads", "4", "bytes", "(vec4:", "16)"] in lines
    assert ["binding", "1", "v", "reads,", "writes", "4", "bytes", "(vec4:", "16)"] in lines
    assert ["binding", "3", "s", "writes", "4", "bytes", "(vec4:", "16)"] in lines
    assert "LOCAL uint = 64, REFRACTORY uint = 1" in out
    assert "decay float" in out
    assert "runs over  n, by steps: x s trace\n" in out
    assert "snn.lif_run" in out and "nn.LIFNeuron" in out


def test_json_is_the_interface_that_launches_use(cli):
    """Every kernel, binding and constant as the pipelines see them."""
    code, out, _ = cli("info", "--kernels", "--json")
    told = {k["name"]: k for k in json.loads(out)["kernels"]}
    assert (code, sorted(told)) == (0, NAMES)
    kernels = Kernels()
    for name, kernel in told.items():
        face = kernels.module(name)[1]
        bindings = [(b["name"], b["reads"], b["writes"], b["bytes"]) for b in kernel["bindings"]]
        assert bindings == [(b.name, b.reads, b.writes, b.stride) for b in face.bindings]
        assert [p["name"] for p in kernel["push_constants"]] == [p.name for p in face.push]
        assert [c["name"] for c in kernel["constants"]] == [c.name for c in face.specs]
        assert kernel["variants"] == [v for v in ("vec4", "vec8") if f"{name}.{v}" in FILES]
        assert kernel["public_calls"]
        assert kernel["runs_over"] == REGISTRY[name].runs if name in REGISTRY else kernel["runs_over"] == ""
    tall = {c["name"]: c for c in told["snn-matmul"]["constants"]}
    assert tall["LOCAL"] == {"name": "LOCAL", "type": "uint", "default": 64}


def test_patterns(cli):
    entries = kernel_entries(["snn-encode-*", "copy.vec4"])
    assert [e.name for e in entries] == ["copy", *[n for n in NAMES if n.startswith("snn-encode-")]]
    code, _, err = cli("info", "--kernels", "snn-lift")
    assert code == 2
    assert "no kernel is called 'snn-lift'" in err
    assert "snn-lif" in err


def test_no_device_is_needed(snippet):
    """The list is made where there is no driver."""
    done = snippet(
        "import sys\nfrom grilly_vk.cli import main\nsys.exit(main(['info', '--kernels', 'snn-lif']))",
        VK_DRIVER_FILES="/nonexistent.json",
        VK_ICD_FILENAMES="/nonexistent.json",
    )
    assert "nn.LIFNeuron" in done.out


# --- the numbers of the generator, a kernel for tests like this ---------------------------


def test_random_words_are_philox():
    """Known answer of Random123: Philox4x32-10 of zeros."""
    got = grilly_vk.VulkanCompute().random_words(np.zeros((1, 4), np.uint32), (0, 0))
    np.testing.assert_array_equal(got, np.array([[0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]], np.uint32))


@pytest.mark.parametrize(
    ("counter", "key", "error", "says"),
    [
        (np.zeros((1, 4)), (0, 0), TypeError, "counter must be uint32"),
        (np.zeros(4, np.uint32), (0, 0), ValueError, "counter has shape"),
        (np.zeros((1, 4), np.uint32), (0,), ValueError, "key must be two words"),
        (np.zeros((1, 4), np.uint32), (0, 1 << 32), ValueError, "key"),
        (np.zeros((1, 4), np.uint32), (0, 0.5), TypeError, "whole number"),
    ],
)
def test_random_words_refuses(counter, key, error, says):
    with pytest.raises(error, match=says):
        grilly_vk.VulkanCompute().random_words(counter, key)
