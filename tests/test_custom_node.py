"""Neurons of the user's own: equal to the library's where they say the same, gradients against float64 duals."""

import copy
import itertools
import pickle
import subprocess
import sys

import duals
import numpy as np
import pytest
from test_nodes import atan

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, surrogate
from grilly_vk.equations import EquationError
from grilly_vk.equations.neurons import NODES
from grilly_vk.ops import nodes
from grilly_vk.runtime import glsl, kernels

T, N = 7, 12
RECORDS = {model.title: model for model in NODES}


def weights(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def run(node, x, states=(), seed=1):
    """Spikes, potentials and last states, and the gradients of input, states and parameters of a sum of all."""
    rng = np.random.default_rng(seed)
    given = [grilly_vk.tensor(a, requires_grad=True) for a in (x, *states)]
    for name, value in zip(("v", node._second), given[1:]):
        setattr(node, name, value)
    spikes = node(given[0])
    ends = [node.v, *([getattr(node, node._second)] if node._second else [])]
    loss = (spikes * weights(rng, *spikes.shape)).sum()
    for part in (*ends, *([] if node.v_seq is None else [node.v_seq])):
        loss = loss + (part * weights(rng, *part.shape)).sum()
    loss.backward()
    values = [spikes, *([] if node.v_seq is None else [node.v_seq]), *ends]
    return [t.numpy() for t in values] + [t.grad.numpy() for t in (*given, *node.parameters())]


SAME = [
    ("lif", nn.LIFNode, {"tau": 3.0}), ("klif", nn.KLIFNode, {"tau": 2.0}),
    ("izhikevich", nn.IzhikevichNode, {"tau_w": 4.0, "a": 0.3, "b": 0.2}),
    ("adaptive", nn.AdaptiveLIFNode, {"tau_adapt": 5.0, "beta": 0.7}),
]  # fmt: skip


@pytest.mark.parametrize(("title", "cls", "own"), SAME, ids=[title for title, *_ in SAME])
def test_the_same_model_as_text_gives_the_same_bits(title, cls, own):
    """Spikes, potentials, states and gradients, four at a time and one, in the ways that nodes have."""
    given = dict(RECORDS[title]._arguments())
    if title == "lif":  # whose nn.LIFNode does not learn
        del given["learn"]
    model = nn.NeuronModel(title, **given)
    ways = [{}, {"v_reset": None, "detach_reset": True, "store_v_seq": "before"}, {"memory": "low", "strict": True}]
    if not model.recovers:
        ways.append({"refractory": 2, "v_threshold": np.float32([0.9, 1.1, 1.0, 1.2] * 3)})
    for way in ways:
        for n in (N, 5) if not way else (N,):
            x = np.random.default_rng(3).normal(1.4, 1.2, (T, n)).astype(np.float32)
            settings = {**own, **way, "step_mode": "m"}
            theirs, ours = run(cls(**settings), x), run(nn.CustomNode(model, **settings), x)
            for a, b in zip(theirs, ours, strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_learned_time_constant_is_the_parametric_node():
    """k = sigmoid(w), starting where tau says; the gradient of w needs no input that is not kept."""
    model = nn.NeuronModel("lif", **dict(RECORDS["lif"]._arguments()))
    assert model == RECORDS["lif"] and hash(model) == hash(RECORDS["lif"])
    ours, theirs = nn.CustomNode(model, tau=3.0, step_mode="m"), nn.ParametricLIFNode(3.0, step_mode="m")
    np.testing.assert_allclose(ours.w.item(), theirs.w.item(), rtol=1e-6)
    theirs.load_state_dict(ours.state_dict())
    x = np.random.default_rng(3).normal(1.4, 1.2, (T, N)).astype(np.float32)
    for a, b in zip(run(theirs, x), run(ours, x), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(AttributeError, match=r"tau of CustomNode is fixed.*it is where w starts; assign to that"):
        ours.tau = 2.0


# Models of the user's own, as text, and nodes that are made from a record, each with its formula,
# (x, v, u, w) -> (h, u before the spike, level, reset, u after a spike s), and settings if it has some.
OWN = {
    "conductance": (
        dict(charge="h = v + (leak * (rest - v) + x * (top - v)) / tau",
             parameters={"leak": 0.8, "top": 2.0, "tau": 3.0}),
        lambda x, v, u, w: (v + (0.8 * (0.0 - v) + x * (2.0 - v)) * (1 / 3), u, 1.0, lambda h: 0.0 * h, lambda s: u),
    ),
    "turning": (
        dict(
            charge="h = v + ((1 - cos(v)) + (1 + cos(v)) * x) * dt", parameters={"dt": 0.4}, fires="h >= pi",
            reset="h - 2 * pi", state={"v": 0.3},
        ),
        lambda x, v, u, w: (
            v + ((1.0 - v.cos()) + (1.0 + v.cos()) * x) * 0.4, u, np.pi, lambda h: h - 2 * np.pi, lambda s: u
        ),
    ),
    "theta": (
        nn.ThetaNode,
        lambda x, v, u, w: (
            v + ((1.0 - v.cos()) + (1.0 + v.cos()) * x) * 0.4, u, np.pi, lambda h: h - 2 * np.pi, lambda s: u
        ),
        {"dt": 0.4},
    ),
    "curved": (
        dict(
            charge="pull = exp(v) * 0.3; m = tanh(m + pull * v) + 0.1 * x; h = v * m + x - pull",
            fires="h > threshold + b * m**2", reset="h * 0.5 - threshold * m_scale", after="m = m * m * c + s * m",
            state={"v": 0.0, "m": 0.1}, parameters={"b": 0.3, "c": 0.7, "m_scale": 0.2},
        ),
        lambda x, v, u, w: curved(x, v, u),
    ),
    "scaled": (
        dict(charge="h = v * (1 - k) + x * sin(x) * gain", parameters={"gain": 0.8, "tau": 2.0},
             derived={"k": "1 / tau"}, learn={"gain": "w"}),
        lambda x, v, u, w: (v * 0.5 + x * x.sin() * w, u, 1.0, lambda h: 0.0 * h, lambda s: u),
    ),
}  # fmt: skip


def curved(x, v, u):
    pull = v.exp() * 0.3
    m = (u + pull * v).tanh() + x * 0.1
    h = v * m + x - pull
    level = m * m * 0.3 + 1.0
    return h, m, level, lambda h: h * 0.5 - level * 0.2, lambda s: m * m * 0.7 + s * m


@pytest.mark.parametrize("title", OWN)
def test_gradients_of_own_models(title):
    """From a given first state, by what the kernels keep of the input and the second state, and in pieces."""
    given, formula, *own = OWN[title]
    model = nn.NeuronModel(title, **given) if isinstance(given, dict) else given._record
    rng = np.random.default_rng(4)
    x = rng.normal(1.3, 0.8, (T, N)).astype(np.float32)
    first = rng.uniform(-0.3, 0.6, (2, N)).astype(np.float32)[: len(model.state)]
    cuts = itertools.product((False, True), ("fast", "low"))
    results = []
    for detach, memory in cuts:
        options = {"step_mode": "m", "store_v_seq": "before", "detach_reset": detach, "memory": memory}
        options.update(*own)
        node = nn.CustomNode(model, **options) if isinstance(given, dict) else given(**options)
        results.append(run(node, x, first))
        dx, *states = duals.inputs(x, *first)
        w = duals.Dual(np.full(N, 0.8), states[0].slope * 0)
        if model.learned:
            dx, *states, w = duals.inputs(x, *first, 0.8)
        check(model, formula, detach, results[-1], dx, states, w)
    for detach in (0, 2):
        for a, b in zip(results[detach], results[detach + 1]):
            np.testing.assert_array_equal(a, b)


def check(model, formula, detach, got, dx, states, w, seed=1):
    v, u = [*states, states[0] * 0.0][:2]
    spikes, before = [], []
    for x_t in dx:
        h, _, level, reset, after = formula(x_t, v, u, w)
        z = h - level
        s = duals.Dual(z.value > 0 if model.strict else z.value >= 0, atan(z.value) * z.slope)
        r = s.detach() if detach else s
        v, u = h + r * (reset(h) - h), after(s)
        spikes.append(s)
        before.append(h)
    rng = np.random.default_rng(seed)
    ends = [v, u][: len(model.state)]
    slopes = sum(d.slope * c for d, c in zip(spikes, weights(rng, T, N)))
    slopes = slopes + sum(d.slope * weights(rng, N) for d in ends)
    slopes = slopes + sum(d.slope * c for d, c in zip(before, weights(rng, T, N)))
    want = [np.array([d.value for d in spikes]), np.array([d.value for d in before]), *(d.value for d in ends)]
    want += [slopes[:T], *slopes[T : T + len(model.state)]]
    want += [slopes[-1].sum()] if model.learned else []
    assert 0.05 < want[0].mean() < 0.95
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1, np.abs(b).max()))


def test_long_runs_in_pieces(monkeypatch):
    """What is kept beside the potentials is cut with them."""
    model = nn.NeuronModel("curved", **OWN["curved"][0])
    x = np.random.default_rng(5).normal(0.7, 1.0, (50, 6)).astype(np.float32)
    got = []
    for size in (64, 8):
        monkeypatch.setattr(type(grilly_vk.tensor(x).engine), "steps_per_submit", lambda self, work, size=size: size)
        got.append(run(nn.CustomNode(model, step_mode="m"), x))
    for one, cut in zip(*got):
        np.testing.assert_allclose(cut, one, rtol=1e-5, atol=1e-5)


def test_your_own_surrogates():
    """As text, compiled together with the model, and as a function, with the distance to the model's level."""
    for title, threshold in (("conductance", 1.0), ("turning", np.pi), ("curved", None)):
        model = nn.NeuronModel(title, **OWN[title][0])
        x = np.random.default_rng(6).normal(1.3, 0.8, (T, N)).astype(np.float32)
        seen = []

        def derivative(z, seen=seen):
            seen.append(z.numpy())
            return 1.0 / (1.0 + z * z)

        ways = [surrogate.Custom("1.0 / (1.0 + x * x)"), surrogate.Custom(derivative)]
        nodes_ = [nn.CustomNode(model, surrogate_function=s, step_mode="m", store_v_seq="before") for s in ways]
        text, function = (run(node, x) for node in nodes_)
        for a, b in zip(text, function):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        if threshold is not None:
            np.testing.assert_allclose(seen[0], text[1] - threshold, rtol=1e-6, atol=1e-6)


def test_settings_states_copies_and_files():
    """Parameters are settings; states bear the model's names; copies and pickles give the same bits."""
    model = nn.NeuronModel("curved", **OWN["curved"][0])
    node = nn.CustomNode(model, b=0.5, step_mode="m")
    assert isinstance(node, nn.CustomNode) and node.model == model and (node.b, node.c, node.m) == (0.5, 0.7, 0.1)
    assert repr(node).startswith("CustomNode(curved, b=0.5, c=0.7, m_scale=0.2, v_threshold=1, surrogate_function=")
    assert node.strict and "v_reset" not in repr(node)
    x = np.random.default_rng(7).normal(1.3, 0.8, (T, N)).astype(np.float32)
    other = nn.CustomNode(model, b=0.3, step_mode="m")
    other.b = 0.5
    copies = [other, copy.deepcopy(node), copy.copy(node), pickle.loads(pickle.dumps(node))]
    want = node(x).numpy()
    for one in copies:
        assert type(one) is type(node) and one.b == 0.5
        np.testing.assert_array_equal(one(x).numpy(), want)
    assert node.m.shape == (N,)
    F.reset_net(node)
    assert node.m == 0.1 and node.v == 0.0
    turning = nn.CustomNode(nn.NeuronModel("turning", **{**OWN["turning"][0], **TURNED}), step_mode="m")
    assert turning.angle == turning.v == 0.3
    turning(x)
    assert turning.angle is turning.v
    turning.angle = 0.2
    assert turning.v == 0.2
    assert (
        pickle.loads(pickle.dumps(model))
        == copy.deepcopy(model)
        == model
        == eval(repr(model), {"NeuronModel": nn.NeuronModel})
    )


TURNED = {"charge": "h = angle + ((1 - cos(angle)) + (1 + cos(angle)) * x) * dt", "state": {"angle": 0.3}}


def test_compiled_is_eager():
    """A training step as one graph, with a setting that changes between."""
    model = nn.NeuronModel("scaled", **OWN["scaled"][0])
    xs = np.random.default_rng(8).normal(1.3, 0.8, (4, T, N)).astype(np.float32)
    losses = []
    for compiled in (False, True):
        node = nn.CustomNode(model, step_mode="m")
        optimizer = grilly_vk.optim.SGD(node.parameters(), lr=0.05)

        def step(x, node=node, optimizer=optimizer):
            F.reset_net(node)
            optimizer.zero_grad()
            loss = (node(x) * x).sum()
            loss.backward()
            optimizer.step()
            return loss

        call, found = grilly_vk.compile(step) if compiled else step, []
        for i, x in enumerate(xs):
            node.tau = 2.0 + i // 2
            found.append(call(x).item())
        losses.append([*found, node.gain.item()])
    assert losses[0] == losses[1] and losses[0][-1] != 0.8


def test_kernels_are_compiled_once_and_kept_on_disk(tmp_path, monkeypatch, caplog):
    """The cost is told once; later processes read the file, and not one that is damaged."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = nn.NeuronModel("kept", "h = v * 0.25 + x")
    suffix = nodes.own_kernels(model)
    assert [
        r.getMessage().startswith("compiled the kernels of the neuron model 'kept' in") for r in caplog.records
    ] == [True]
    files = sorted((tmp_path / "grilly-vk" / "kernels").glob("*.spv"))
    assert len(files) == 4

    def again():
        nodes.own_kernels.cache_clear()
        for name in [name for name in kernels.COMPILED if suffix in name]:
            monkeypatch.delitem(kernels.COMPILED, name)
        return nodes.own_kernels(model)

    with monkeypatch.context() as without:
        without.setattr(glsl, "compiler", lambda: None)
        assert again() == suffix
        files[0].write_bytes(files[0].read_bytes()[:-4])
        with pytest.raises(RuntimeError, match=r"the neuron model 'kept' becomes kernels, and glslc is not installed"):
            again()
    caplog.clear()
    assert again() == suffix and len(caplog.records) == 1
    assert "it is kept in" in caplog.text
    caplog.clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(files[0]))  # no folder: nothing is kept, and that is all
    assert again() == suffix and "it can't be kept" in caplog.text

    def homeless():
        raise RuntimeError("no home folder")

    monkeypatch.setattr(glsl, "_folder", homeless)
    assert again() == suffix


def test_one_process_keeps_for_the_next(tmp_path):
    code = (
        "from grilly_vk import nn; import numpy as np\n"
        "print(nn.CustomNode(nn.NeuronModel('kept', 'h = v * 0.25 + x'))(np.ones(3, np.float32)).numpy())"
    )
    said = []
    for _ in range(2):
        environment = {**__import__("os").environ, "XDG_CACHE_HOME": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert done.stdout == "[1. 1. 1.]\n", done.stderr
        said.append(done.stderr.count("compiled the kernels"))
    assert said == [1, 0]


WRONG = [
    (dict(charge="h = v + y"), "charge of 'mine': 'v \\+ y': y is unknown; the names are .*v, x"),
    (dict(charge="h = v + (x"), "charge of 'mine': 'h = v \\+ \\(x', letter 9: no equation"),
    (dict(charge="v = v + x"), "v can't be given a value; h is the potential after the charge"),
    (dict(charge="u = v + x"), "charge of 'mine': 'u = v \\+ x': expected a statement that sets h"),
    (dict(charge="h = x", fires="v > threshold"), "fires of 'mine': 'v > threshold': expected h >= or h > a level"),
    (dict(charge="h = x", fires="h"), "fires of 'mine': 'h': expected h >= or h > a level"),
    (dict(charge="h = x", reset="v"), "reset of 'mine': 'v': v is unknown; the names are h, "),
    (dict(charge="h = x", after="v = 0"), "after of 'mine': 'v = 0': expected one statement that sets the"),
    (dict(charge="h = x", derived={"k": "1 / tau"}), "derived 'k' of 'mine': '1 / tau': tau is unknown"),
    (dict(charge="h = x * k", parameters={"k": 1}, learn={"k": "u"}), "learn 'k' of 'mine': 'u': u is unknown"),
    (dict(charge="h = x", learn={"k": "w"}), "learn of 'mine' names 'k', which is not a parameter"),
    (dict(charge="h = x", parameters={"x": 1}), "'mine' can't call one of its parameters 'x'"),
    (dict(charge="h = x", state={"v": 0, "u": 0, "z": 0}), "state must name one or two states, got 3"),
    (dict(charge="h = x + a*b*c*d*e*f*g", parameters=dict.fromkeys("abcdefg", 1)), "'mine' has 7 numbers"),
    (dict(charge="h = leak(x)", define="leak = x"), "define of 'mine': 'leak = x': expected a definition"),
    (dict(charge="h = leak(x, 1)", define="leak(a, a) = a"), "define of 'mine': .*: a definition has arguments, each"),
    (dict(charge="h = v + (x > 0) * x"), "'v \\+ \\(x > 0\\) \\* x': x > 0 is a condition, which stands"),
    (dict(charge="h = v + hard * x"), "charge of 'mine': 'v \\+ hard \\* x': hard is a condition, which stands first"),
    (dict(charge="h = v + where(x, 1, 2)"), "charge of 'mine': .*: where needs a condition such as x > 0 first, not x"),
    (dict(charge="h = x", reset="h > 1"), "reset of 'mine': 'h > 1': h > 1 is a condition"),
    (dict(charge="h = x", parameters={"pi": 1}), "'mine' can't call one of its parameters 'pi'"),
    (dict(charge="h = x", parameters={"a": 1}, learn={"a": "w"}, fires="h >= a"), "fires of 'mine': 'h >= a': a is"),
    (dict(charge="h = x", parameters={"a": 1}, learn={"a": "w"}, reset="h - a"), "reset of 'mine': 'h - a': a is"),
    (dict(charge="h = x * b", parameters={"a": 1}, derived={"b": "2 * a"}, learn={"a": "w"}), "a is learned, and b"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_bad_models_are_told_by_their_text(given, message):
    kind = EquationError if "number" not in message and "state" not in message else ValueError
    with pytest.raises(ValueError if "names" in message or "can't call" in message else kind, match=message):
        nn.NeuronModel("mine", **given)


def test_names_may_be_those_of_the_kernels():
    """k for a name of the charge's own or a state, h_0 and of_h for parameters: as in a model with other names."""
    x = np.random.default_rng(4).normal(1.2, 1.0, (T, N)).astype(np.float32)
    texts = {
        "k = x * 2; h = v + k": "m = x * 2; h = v + m",
        "h = v + h_0 * x; h = h * of_h": "h = v + one * x; h = h * two",
        "k = k * 0.5 + x; h = v + k": "m = m * 0.5 + x; h = v + m",
    }
    for ours, theirs in texts.items():
        found = []
        for text, first, second, state in ((ours, "h_0", "of_h", "k"), (theirs, "one", "two", "m")):
            given = {"state": {"v": 0.0, state: 0.0}} if "0.5" in text else {}
            if "*" in text.split(";")[1]:
                given["parameters"] = {first: 0.7, second: 0.6}
            found.append(run(nn.CustomNode(nn.NeuronModel("named", text, **given), step_mode="m"), x))
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("part", [{"fires": "h >= {}"}, {"reset": "h - {}"}, {"after": "u = u * {} + s"}])
def test_k_is_a_number_like_others(part):
    """It may be read outside the charge too."""
    x = np.random.default_rng(4).normal(1.2, 1.0, (T, N)).astype(np.float32)
    found = []
    for k in ("k", "share"):
        given = {name: text.format(k) for name, text in part.items()}
        model = nn.NeuronModel(
            "shared", f"h = v + (x - u) * {k}", state={"v": 0, "u": 0.1}, parameters={"tau": 2},
            derived={k: "1 / tau"}, **given,
        )  # fmt: skip
        found.append(run(nn.CustomNode(model, step_mode="m"), x))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_surrogates_that_are_functions_get_the_distance_to_any_level():
    """With the numbers that the level reads, for each neuron too."""
    x = np.random.default_rng(6).normal(1.3, 0.8, (T, N)).astype(np.float32)
    apart = np.linspace(0.8, 1.2, N).astype(np.float32)
    for fires, level in (
        ("h >= threshold + rest", lambda threshold: threshold + 0.25),
        ("h >= max(threshold, b)", lambda threshold: np.maximum(threshold, 0.95)),
        ("h >= where(hard, threshold, b)", lambda threshold: threshold),
    ):
        for threshold in (1.0, apart):
            seen = []

            def derivative(z, seen=seen):
                seen.append(z.numpy())
                return 1.0 / (1.0 + z * z)

            model = nn.NeuronModel("levelled", "h = v * 0.5 + x", parameters={"b": 0.95}, fires=fires)
            node = nn.CustomNode(
                model, v_threshold=threshold, v_reset=0.25, surrogate_function=surrogate.Custom(derivative),
                step_mode="m", store_v_seq="before",
            )  # fmt: skip
            h = run(node, x)[1]
            np.testing.assert_allclose(seen[0], h - level(threshold), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("learn", "value", "w"),
    [("exp(w)", 1e3, np.log(1e3)), ("w**2", 4, 2), ("log(w)", 4, np.exp(4)), ("1 / w", 4, 0.25)],
)
def test_what_is_learned_starts_at_the_parameter(learn, value, w):
    """Wherever the formula has no value or no slope on the way there."""
    model = nn.NeuronModel("learned", "h = v + x * a", parameters={"a": value}, learn={"a": learn})
    np.testing.assert_allclose(nn.CustomNode(model).w.item(), w, rtol=1e-6)


def test_numbers_that_follow_have_a_value():
    """Else it is said at the assignment, after which the node is as it was."""
    model = nn.NeuronModel("following", "h = v + x * k", parameters={"tau": np.float32(2)}, derived={"k": "1 / tau"})
    said = "derived 'k' of 'following': '1 / tau' has no value .* where tau = 0"
    with pytest.raises(ValueError, match=said):
        nn.CustomNode(model, tau=0)
    node = nn.CustomNode(model)
    with pytest.raises(ValueError, match=said):
        node.tau = 0
    assert node.tau == 2.0 and node(np.float32([2.0])).item() == 1.0


@pytest.mark.parametrize("name", ["training", "left", "v_threshold", "forward", "_moves", "model"])
def test_names_of_nodes_are_taken(name):
    """A parameter or state of such a name would take the place of what every node has."""
    for given in ({"parameters": {name: 0.5}}, {"state": {"v": 0.0, name: 0.0}}, {"state": {name: 0.0}}):
        with pytest.raises(ValueError, match=f"the model 'taken' can't call a state or parameter {name!r}: nodes have"):
            nn.CustomNode(nn.NeuronModel("taken", "h = x", **given))


class Louder(nn.CustomNode):
    def __init__(self, gain):
        super().__init__(nn.NeuronModel("mine", "h = v * a + x", parameters={"a": 0.5}), a=0.25, step_mode="m")
        self.gain = gain

    def forward(self, x, **options):
        return super().forward(x, **options) * self.gain


def test_classes_of_the_users_own():
    """A subclass keeps its own constructor, methods and type, in copies and files too."""
    node = Louder(3.0)
    for made in (node, copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        assert isinstance(made, Louder) and type(made) is type(node) and type(made).__name__ == "Louder"
        assert made.a == 0.25 and made.gain == 3.0
        np.testing.assert_array_equal(made(np.float32([[2.0, 0.5]])).numpy(), [[3.0, 0.0]])


def test_models_stay_what_they_are():
    model = nn.NeuronModel("mine", "h = v + x", parameters={"a": np.int64(1)})
    with pytest.raises(AttributeError, match="parameters of a NeuronModel can't be assigned: make a new one"):
        model.parameters = {"a": 2.0}
    assert model.formula().startswith("h = v + x\n") and hash(model) == hash(copy.deepcopy(model))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="title must be an identifier such as 'my_neuron', got 'my neuron'"):
        nn.NeuronModel("my neuron", "h = x")
    for given, error, message in [
        ({"parameters": {"tau": "2"}}, TypeError, "parameters must be a mapping from names to numbers, got 'tau': '2'"),
        ({"parameters": [1]}, TypeError, "parameters must be a mapping from names to numbers, not list"),
        ({"parameters": {"tau": np.inf}}, ValueError, "parameters must hold finite numbers"),
        ({"parameters": {"tau": 10**400}}, ValueError, "parameters must hold finite numbers of at most"),
        ({"define": 2}, TypeError, "define must be a text, not int"),
        ({"derived": {"k": 2}}, TypeError, "derived must be a mapping from names to texts"),
    ]:
        with pytest.raises(error, match=message):
            nn.NeuronModel("mine", "h = x", **given)
    with pytest.raises(TypeError, match="model must be a NeuronModel, not str"):
        nn.CustomNode("lif")
    model = nn.NeuronModel("turning", **OWN["turning"][0])
    with pytest.raises(TypeError, match="tau is not a setting of the model 'turning', which has dt, detach_reset"):
        nn.CustomNode(model, tau=2.0)
    with pytest.raises(TypeError, match="v_threshold is not a setting of the model 'turning'"):
        nn.CustomNode(model, v_threshold=2.0)
    with pytest.raises(TypeError, match="dt must be a number, not str"):
        nn.CustomNode(model, dt="fast")
    with pytest.raises(ValueError, match="refractory steps are not for the model 'curved'"):
        nn.CustomNode(nn.NeuronModel("curved", **OWN["curved"][0]), refractory=2)
    with pytest.raises(ValueError, match="found no w for which sigmoid"):
        nn.CustomNode(nn.NeuronModel("mine", "h = v * k + x", parameters={"k": 2.0}, learn={"k": "sigmoid(w)"}))


def test_the_formula_is_shown():
    model = nn.NeuronModel("mine", "h = v + x", state={"v": 0, "u": 0}, fires="h > u", after="u = u + s")
    assert model.formula().split("\n") == [
        "h = v + x", "s = [h > u]", "v = where(hard, reset, h - threshold) where s, else h", "u = u + s",
    ]  # fmt: skip
