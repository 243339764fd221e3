"""grilly_vk.compile: one submit per call, the same bits as the plain function, never a wrong result."""

import gc
from collections import namedtuple

import numpy as np
import pytest
from learning import training_step

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim, surrogate
from grilly_vk.runtime import memory
from grilly_vk.runtime.placement import place


def make(seed=0, dropout=0.3):
    grilly_vk.manual_seed(seed)
    model = nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 4))
    optimizer = optim.Adam(model.parameters(), lr=1e-2)

    step = training_step(model, optimizer, F.cross_entropy)

    return model, optimizer, step


def batches(count, rows=8, seed=1):
    rng = np.random.default_rng(seed)
    return [
        (rng.standard_normal((rows, 12)).astype(np.float32), rng.integers(0, 4, rows).astype(np.int32))
        for _ in range(count)
    ]


def test_training_is_bit_identical_to_eager():
    plain_model, _, plain = make()
    plain_losses = [plain(grilly_vk.tensor(x), grilly_vk.tensor(y)).item() for x, y in batches(12)]
    model, _, step = make()
    compiled = grilly_vk.compile(step)
    losses = [compiled(x, y).item() for x, y in batches(12)]
    assert losses == plain_losses
    assert losses[-1] != losses[0]
    for (name, mine), (_, theirs) in zip(model.state_dict().items(), plain_model.state_dict().items()):
        assert np.array_equal(np.asarray(mine), np.asarray(theirs)), name


def test_a_call_is_one_submit():
    engine = grilly_vk.runtime.engine()
    if engine.config.debug:
        pytest.skip("the debug mode marks the memory of results by dispatches outside the recording")
    if not engine.host_visible:
        pytest.skip("reading a result takes submits of its own")
    _, _, step = make()
    compiled = grilly_vk.compile(step)
    x, y = batches(1)[0]
    compiled(x, y)
    before = grilly_vk.memory_stats()
    compiled(x, y).item()
    after = grilly_vk.memory_stats()
    assert after["submits"] - before["submits"] == 1


def convolutions():
    grilly_vk.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 10),
    )  # fmt: skip
    return model, optim.Adam(model.parameters()), (1, 28, 28)


def perceptron():
    grilly_vk.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))
    return model, optim.SGD(model.parameters(), lr=0.1), (784,)


@pytest.mark.parametrize("network", [convolutions, perceptron])
def test_a_recording_holds_little_more_than_is_alive_at_once(network, monkeypatch):
    needed = []

    def watched(lives, limit):
        needed.append(max(sum(s for s, a, b in lives if a <= now <= b) for _, now, _ in lives))
        return place(lives, limit)

    monkeypatch.setattr(memory, "place", watched)
    model, optimizer, shape = network()

    step = grilly_vk.compile(training_step(model, optimizer, F.cross_entropy))

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((32, *shape)).astype(np.float32), rng.integers(0, 10, 32).astype(np.int32)
    before = grilly_vk.memory_stats()["bytes_in_use"]
    step(x, y).item()
    (recorded,) = step._recorded.values()
    held = recorded.graph.nbytes
    assert 0 < needed[0] <= held <= 1.15 * needed[0]
    inputs = sum(t.buffer.block.size for t in recorded.inputs)
    assert grilly_vk.memory_stats()["bytes_in_use"] - before <= held + inputs + 4096
    for _ in range(3):
        step(x, y).item()
    assert len(needed) == 1 and recorded.graph.nbytes == held
    del step, recorded
    gc.collect()
    assert grilly_vk.memory_stats()["bytes_in_use"] <= before + 4096


def test_results_are_copies():
    double = grilly_vk.compile(lambda x: x * 2.0)
    first = double(np.ones(3, np.float32))
    second = double(np.full(3, 5.0, np.float32))
    np.testing.assert_array_equal(first.numpy(), [2, 2, 2])
    np.testing.assert_array_equal(second.numpy(), [10, 10, 10])


def test_nested_arguments_and_results():
    @grilly_vk.compile
    def both(pair, scale=1.0):
        return {"sum": pair["a"] + pair["b"] * scale, "list": [pair["a"] - 1.0, "text"]}

    a, b = np.arange(4, dtype=np.float32), np.ones(4, np.float32)
    out = both({"a": a, "b": b}, scale=3.0)
    np.testing.assert_array_equal(out["sum"].numpy(), a + 3)
    np.testing.assert_array_equal(out["list"][0].numpy(), a - 1)
    assert out["list"][1] == "text"
    np.testing.assert_array_equal(both({"a": a, "b": b}, scale=2.0)["sum"].numpy(), a + 2)
    assert both.captures == 2 and both.__name__ == "both"


def test_keywords_and_dicts_in_any_order():
    less = grilly_vk.compile(lambda a, b, more=None: a - b - more["x"] + more["y"])
    one, two, four = (np.full(3, v, np.float32) for v in (1, 2, 4))
    calls = [{"b": two, "a": one, "more": {"y": four, "x": one}}, {"more": {"x": one, "y": four}, "b": two, "a": one}]
    for call in calls * 2:
        np.testing.assert_array_equal(less(**call).numpy(), np.full(3, 2))
    assert less.captures == 2


def test_the_order_of_keywords_and_dicts_is_what_the_function_sees():
    @grilly_vk.compile
    def digits(nested, **named):
        out = 0.0
        for value in (*nested.values(), *named.values()):
            out = out * 10 + value
        return dict.fromkeys(named, out)

    one, two, three, four = (np.float32([v]) for v in (1, 2, 3, 4))
    for _ in range(2):
        first = digits({"b": one, "a": two}, d=three, c=four)
        second = digits({"a": two, "b": one}, c=four, d=three)
        assert first["c"].item() == 1234 and second["c"].item() == 2143
        assert list(first) == ["d", "c"] and list(second) == ["c", "d"]


Pair = namedtuple("Pair", "a b")


def test_named_tuples_stay_what_they_are():
    less = grilly_vk.compile(lambda pair: Pair(pair.a - pair.b, pair.b))
    for _ in range(2):
        out = less(Pair(np.float32([5]), np.float32([2])))
        assert type(out) is Pair and (out.a.item(), out.b.item()) == (3, 2)


class Steep(surrogate.Surrogate):
    """One of a user's, with a plain attribute."""

    _shown = ("k",)

    def __init__(self):
        self.k = 2.0

    @property
    def slope(self):
        return surrogate.ATan(self.k).slope


def test_your_own_surrogate_is_looked_at_in_each_call():
    node, x = nn.LIFNode(surrogate_function=Steep()), grilly_vk.rand(4, requires_grad=True)

    @grilly_vk.compile
    def gradient():
        x.grad = None
        F.reset_net(node)
        node(x).sum().backward()
        return x.grad

    expected = {}
    for k in (2.0, 5.0):
        y = x.detach().clone().requires_grad_()
        nn.LIFNode(surrogate_function=surrogate.ATan(k))(y).sum().backward()
        expected[k] = y.grad.numpy()
    for k in (2.0, 5.0, 2.0):
        node.surrogate_function.k = k
        np.testing.assert_array_equal(gradient().numpy(), expected[k])
    assert gradient.captures == 2


def test_shapes_dtypes_and_modes_are_recorded_apart():
    model, _, _ = make(dropout=0.5)
    run = grilly_vk.compile(lambda x: model(x))
    x = batches(1, rows=6)[0][0]
    noisy = run(x).numpy()
    assert (run(x).numpy() != noisy).any()  # fresh random numbers in each replay
    model.eval()
    quiet = run(x).numpy()
    np.testing.assert_array_equal(run(x).numpy(), quiet)
    np.testing.assert_array_equal(model(grilly_vk.tensor(x)).numpy(), quiet)
    assert run(x[:3]).shape == (3, 4)
    assert run.captures == 3
    model.train()
    run(x)
    assert run.captures == 3


def test_learning_rate_schedules_reach_the_recording():
    def losses(wrap):
        _, optimizer, step = make(dropout=0.0)
        schedule = optim.StepLR(optimizer, step_size=2, gamma=0.1)
        run = wrap(step)
        out = []
        for x, y in batches(6):
            out.append(run(grilly_vk.tensor(x), grilly_vk.tensor(y)).item())
            schedule.step()
        return out

    assert losses(grilly_vk.compile) == losses(lambda f: f)


def test_reading_a_value_inside_is_an_error_and_changes_nothing():
    @grilly_vk.compile
    def peek(x):
        return x * x.sum().item()

    with pytest.raises(RuntimeError, match="can't be read while a graph is captured"):
        peek(np.ones(3, np.float32))
    np.testing.assert_array_equal((grilly_vk.ones(3) + 1.0).numpy(), [2, 2, 2])


def test_an_exception_inside_comes_out_and_the_next_call_works():
    @grilly_vk.compile
    def fussy(x, bad):
        if bad:
            raise KeyError("mine")
        return x + 1.0

    x = np.zeros(2, np.float32)
    with pytest.raises(KeyError, match="mine"):
        fussy(x, True)
    np.testing.assert_array_equal(fussy(x, False).numpy(), [1, 1])


@pytest.mark.parametrize("argument", [{1, 2}, bytearray(b"x")])
def test_arguments_that_no_key_can_hold(argument):
    with pytest.raises(TypeError, match="a compiled function takes"):
        grilly_vk.compile(lambda x: x)(argument)


def test_arguments_that_want_gradients():
    with pytest.raises(TypeError, match="requires_grad can't be an argument"):
        grilly_vk.compile(lambda x: x)(grilly_vk.ones(2, requires_grad=True))


def test_not_a_function():
    with pytest.raises(TypeError, match="compile needs a function"):
        grilly_vk.compile(3)


def test_a_thousand_steps_do_not_grow():
    _, _, step = make()
    compiled = grilly_vk.compile(step)
    x, y = batches(1)[0]
    for _ in range(3):
        compiled(x, y)
    before = grilly_vk.memory_stats()
    for _ in range(1000):
        compiled(x, y)
    after = grilly_vk.memory_stats()
    for key in ("bytes_in_use", "bytes_reserved", "programs"):
        assert after[key] <= before[key]


def test_adding_to_gradients_of_a_former_call_is_refused():
    """Eager adds up over calls; a recording would start afresh each time."""
    model, _, _ = make()
    x, y = batches(1)[0]

    def forgetful(x, y):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    plain = nn.Linear(12, 4)
    for function in (forgetful, lambda x, y: (F.cross_entropy(plain(x), y).backward(), x)[1]):
        with pytest.raises(RuntimeError, match=r"clear it inside, with zero_grad\(\)"):
            grilly_vk.compile(function)(x, y)
    assert model(grilly_vk.tensor(x)).shape == (8, 4)


def test_gradients_that_are_zeroed_in_place_add_up_like_eager():
    def gradient(wrap):
        grilly_vk.manual_seed(3)
        model = nn.Linear(12, 4)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        x, y = batches(1)[0]
        F.cross_entropy(model(grilly_vk.tensor(x)), grilly_vk.tensor(y)).backward()
        optimizer.zero_grad(set_to_none=False)

        def accumulate(x, y):
            F.cross_entropy(model(x), y).backward()
            return x

        run = wrap(accumulate)
        for _ in range(3):
            run(grilly_vk.tensor(x), grilly_vk.tensor(y))
        return model.weight.grad.numpy()

    np.testing.assert_array_equal(gradient(grilly_vk.compile), gradient(lambda f: f))


def test_gradients_of_inputs():
    @grilly_vk.compile
    def sensitivity(x):
        x.requires_grad_()
        (x * x).sum().backward()
        return x.grad

    for value in (1.0, 3.0):
        np.testing.assert_array_equal(sensitivity(np.full(3, value, np.float32)).numpy(), np.full(3, 2 * value))


def test_recordings_are_bounded_and_the_least_recently_used_go():
    weight = nn.Parameter(np.ones(3))

    @grilly_vk.compile(recordings=3)
    def double(x):
        return x * 2.0 * weight

    def call(*lengths):
        for n in lengths:
            np.testing.assert_array_equal(double(np.full((n, 3), n, np.float32)).numpy(), np.full((n, 3), 2.0 * n))

    call(1, 2, 3, 1, 2, 3)
    assert (double.captures, double.recordings) == (3, 3)
    held = double.nbytes
    with pytest.warns(RuntimeWarning, match="'double' was called with more than 3 different") as seen:
        call(1, 4, 1, 3, 4)  # drops 2, the least recently used
        assert double.captures == 4
        call(2)
        assert double.captures == 5
        call(*range(1, 40))
    assert len(seen) == 1 and seen[0].filename == __file__
    assert held > 0 and double.nbytes <= 40 * held
    assert len(double._recorded) == 3
    before = double.captures
    call(37, 38, 39)
    assert double.captures == before


def test_sixty_lengths_keep_the_memory_of_eight(recwarn):
    model = nn.Linear(4, 8)
    step = grilly_vk.compile(lambda x: model(x).sum())
    gc.collect()
    sizes = []
    for n in (*range(1, 61), *range(1, 61)):
        step(np.ones((16, 4), np.float32) if n > 60 else np.ones((n, 4), np.float32))
        sizes.append(grilly_vk.memory_stats()["bytes_in_use"])
    assert step.captures == 120 and len(step._recorded) == step.recordings == 8
    assert sizes[119] <= sizes[59] + 65536  # the second time round takes no more
    assert len(recwarn) == 1


@pytest.mark.parametrize("bad, error", [(0, ValueError), (1.5, TypeError), (True, TypeError)])
def test_bad_bounds(bad, error):
    with pytest.raises(error, match="recordings"):
        grilly_vk.compile(lambda x: x, recordings=bad)
    with pytest.raises(error, match="recordings"):
        grilly_vk.compile(recordings=bad)
    with pytest.raises(TypeError, match="needs a function"):
        grilly_vk.compile(3)
