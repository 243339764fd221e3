"""Nodes against golden vectors of SpikingJelly, made by tools/make_golden.py: spikes, potentials, all gradients."""

import numpy as np
import pytest
from golden import load

import grilly_vk
from grilly_vk import nn

DATA, HEADER = load("nodes")
SHAPE = DATA["v_seq"].shape
SPIKES = np.unpackbits(DATA["spikes"], axis=1, count=int(np.prod(SHAPE[1:]))).reshape(SHAPE).astype(np.float32)
RTOL = 1e-5  # atol is the same share of the largest value: gradients are sums with terms of both signs


def close(name, got, expected):
    """Within RTOL of the value, or of the largest one."""
    np.testing.assert_allclose(got, expected, RTOL, RTOL * np.abs(expected).max(), err_msg=name)


def build(case, **more):
    """Our node of a case."""
    name, arguments = case["surrogate"]
    return getattr(nn, case["node"])(**case["arguments"], surrogate_function=getattr(nn, name)(**arguments), **more)


def all_steps(node, x, cs, cv):
    """One call: loss, spikes and potentials."""
    spikes = node(x)
    loss = (spikes * cs).sum() + (node.v_seq * cv).sum()
    return loss, spikes.numpy(), node.v_seq.numpy()


def single_steps(node, x, cs, cv):
    """A call per step, the state carried over."""
    loss, spikes, potentials = 0.0, [], []
    for row, s, v in zip(x, cs, cv):
        spikes.append(node(row))
        potentials.append(node.v)
        loss = loss + (spikes[-1] * s).sum() + (node.v * v).sum()
    return loss, *(np.stack([r.numpy() for r in rows]) for rows in (spikes, potentials))


def two_calls(node, x, cs, cv):
    """Two stretches of steps; gradients flow through the state between them."""
    parts = [all_steps(node, x[a], cs[a], cv[a]) for a in (slice(0, 3), slice(3, None))]
    return parts[0][0] + parts[1][0], *(np.concatenate([p[i] for p in parts]) for i in (1, 2))


RUNS = {"m": all_steps, "s": single_steps, "m in two calls": two_calls}


def compare(i, run, memory):
    """One case: raises AssertionError where it differs."""
    case = HEADER["cases"][i]
    node = build(case, step_mode=run[0], store_v_seq=run[0] == "m", memory=memory)
    weight = grilly_vk.tensor(DATA["W"], requires_grad=True)
    seen = []
    x = grilly_vk.tensor(DATA["inp"]) @ weight.T
    x.register_hook(seen.append)
    loss, spikes, potentials = RUNS[run](node, x, DATA["cs"], DATA["cv"])
    loss.backward()
    np.testing.assert_array_equal(spikes, SPIKES[i], "spikes")
    close("potentials after the reset", potentials, DATA["v_seq"][i])
    close("final potential", node.v.numpy(), DATA["v_seq"][i][-1])
    close("gradient of x", seen[0].numpy(), DATA["grad_x"][i])
    close("gradient of W", weight.grad.numpy(), DATA["grad_W"][i])
    if case["node"] == "ParametricLIFNode":
        close("gradient of w", node.w.grad.numpy(), DATA["grad_w"][i])


def picked(case, run, memory):
    """Whether the suite runs a case: every variant of a kernel takes a driver a third of a second to compile.

    All combinations with ATan run once, the other surrogates with LIFNode, hard and soft; the other ways to run take
    what changes in them.  `PYTHONPATH=tests/helpers python tests/test_golden_nodes.py` runs all cases in all ways.
    """
    arguments, plain = case["arguments"], case["surrogate"] == ["ATan", {"alpha": 2.0}]
    kept = arguments["detach_reset"] is False and arguments.get("decay_input") is not False
    if (run, memory) == ("m", "fast"):
        return plain or (kept and case["node"] == "LIFNode" and arguments["v_threshold"] == 1.0)
    return plain and kept and (run == "s" or memory == "fast" or arguments["v_threshold"] == 0.8)


def differences(cases, run, memory):
    """What differs in the cases of these numbers: a line each."""
    for i in cases:
        try:
            compare(i, run, memory)
        except AssertionError as error:
            yield f"{HEADER['cases'][i]['peer_call']}, {run}, {memory}: {error}"


@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("kind", ["IFNode", "LIFNode", "ParametricLIFNode"])
def test_equals_spikingjelly(kind, run, memory):
    """Recorded combinations of reset, leak, detached reset, time constant, threshold and surrogate."""
    cases = HEADER["cases"]
    chosen = [i for i, case in enumerate(cases) if case["node"] == kind and picked(case, run, memory)]
    assert len(chosen) >= 3
    failed = list(differences(chosen, run, memory))
    assert not failed, f"{len(failed)} cases differ; the first:\n" + "\n".join(failed[:3])


def test_surrogate_derivatives_equal_spikingjellys():
    """On a grid that misses the edges."""
    for (name, arguments), expected in zip(HEADER["surrogates"], DATA["derivatives"]):
        got = getattr(nn, name)(**arguments).derivative(grilly_vk.tensor(DATA["grid"])).numpy()
        close(f"{name} {arguments}", got, expected)


def test_the_file_covers_what_it_should():
    """Cases of every node, reset, leak and detached reset, all with spikes and silence."""
    found = {(c["node"], c["arguments"]["v_reset"], c["arguments"]["detach_reset"]) for c in HEADER["cases"]}
    assert len(found) == 3 * 3 * 2
    assert {c["arguments"].get("decay_input") for c in HEADER["cases"]} == {None, True, False}
    assert {c["surrogate"][0] for c in HEADER["cases"]} >= {"ATan", "Sigmoid", "PiecewiseQuadratic", "Erf"}
    assert "spikingjelly" in HEADER["versions"]
    rates = SPIKES.mean(axis=(1, 2, 3))
    assert rates.min() > 0.1 and rates.max() < 0.9


if __name__ == "__main__":
    everything = range(len(HEADER["cases"]))
    wrong = [line for run in RUNS for memory in ("fast", "low") for line in differences(everything, run, memory)]
    print("\n".join(wrong), f"{len(wrong)} of {2 * len(RUNS) * len(everything)} differ", sep="\n")
    raise SystemExit(bool(wrong))
