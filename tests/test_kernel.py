"""Declared kernels: which variant a call takes, how long runs are cut, what is refused."""

import dataclasses

import numpy as np
import pytest

from grilly_vk.ops.encode import encode_latency, encode_poisson
from grilly_vk.runtime import engine
from grilly_vk.runtime.kernel import REGISTRY, Kernel, Span, spans
from grilly_vk.runtime.spirv import SpirvError
from grilly_vk.tensor import empty, from_numpy, full

COPY = Kernel("copy")
LIF = Kernel("snn-lif", cut="x? s trace")
SOFTMAX = REGISTRY["softmax"]


@pytest.fixture
def issued(monkeypatch):
    """(name of the pipeline, its constants that a call gave, items, work) of each dispatch."""
    on, seen, moving = engine(), [], []
    issue, move = on.issue, on._copy

    def note(pipeline, buffers, arguments, items, work=None):
        if pipeline.name != "fill" and not moving:  # the debug mode's; to and from memory that the host sees
            seen.append((pipeline.name, {k: v for k, v in arguments.items() if k.isupper()}, items, work))
        issue(pipeline, buffers, arguments, items, work)

    def moves(*given):
        moving.append(True)
        move(*given)
        moving.pop()

    monkeypatch.setattr(on, "issue", note)
    monkeypatch.setattr(on, "_copy", moves)
    return seen


def numbers(*shape):
    return from_numpy(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))


@pytest.mark.parametrize(
    ("n", "first", "name"),
    [(64, 0, "copy.vec4"), (64, 4, "copy.vec4"), (63, 0, "copy"), (62, 0, "copy"), (64, 1, "copy"), (64, 2, "copy")],
)
def test_the_variant_follows_from_the_count_and_from_where_tensors_begin(issued, n, first, name):
    x, y = numbers(80, 1), empty((n,))
    COPY(src=x._rows(first, first + n), dst=y, n=n)
    assert [i[0] for i in issued] == [name]
    assert issued[0][2] == (n // 4 if "." in name else n)
    np.testing.assert_array_equal(y.numpy(), np.arange(first, first + n))


def lif(x, v, hold, steps, decay=0.5):
    s = empty((steps if x.shape[0] == 1 else x.shape[0], *v.shape))
    rest = {"w": None, "pull": 0.0, "adapt_decay": 0.0, "jump": 0.0, "trace": None, "REFRACTORY": False}
    LIF(
        x=x, v=v, hold=hold, s=s, n=v.count, steps=steps, hold_steps=0, decay=decay, gain=1.0, rest=0.0,
        threshold=1.0, reset=0.0, **rest,
    )  # fmt: skip
    return s


@pytest.mark.parametrize("n", [8, 7])
def test_long_runs_go_in_pieces_with_the_same_result(issued, monkeypatch, n):
    rng = np.random.default_rng(0)
    x = from_numpy(rng.random((8, n), np.float32))
    whole, cut = (from_numpy(np.zeros(n, np.float32)) for _ in range(2))
    hold = from_numpy(np.zeros(n, np.uint32))
    wanted = lif(x, whole, hold, 8).numpy()
    assert [i[3] for i in issued] == [8 * n]
    del issued[:]
    monkeypatch.setattr(engine().stream, "_budget", 2 * n)
    found = lif(x, cut, hold, 8)
    assert [i[3] for i in issued] == [2 * n] * 4
    np.testing.assert_array_equal(found.numpy(), wanted)
    np.testing.assert_array_equal(cut.numpy(), whole.numpy())


def test_a_span_takes_its_steps_of_the_tensors_over_time(issued):
    x = from_numpy(np.ones((6, 4), np.float32))
    v, hold = from_numpy(np.zeros(4, np.float32)), from_numpy(np.zeros(4, np.uint32))
    s = lif(x, v, hold, Span(2, 5, 6)).numpy()
    assert issued[0][3] == 3 * 4
    np.testing.assert_array_equal(s[2:5], [[1] * 4] * 3)
    np.testing.assert_array_equal(v.numpy(), 0)


def test_what_has_fewer_elements_than_the_run_is_the_same_at_all_steps(monkeypatch):
    monkeypatch.setattr(engine().stream, "_budget", 4)
    x = from_numpy(np.array([[0.6, 0.7, 1.2, 1.3]], np.float32))
    v, hold = from_numpy(np.zeros(4, np.float32)), from_numpy(np.zeros(4, np.uint32))
    np.testing.assert_array_equal(lif(x, v, hold, 2, decay=0.0).numpy()[:2], [[0, 0, 1, 1]] * 2)


def test_pieces_begin_at_multiples_and_have_no_more_steps_than_wanted(monkeypatch):
    monkeypatch.setattr(engine().stream, "_budget", 1000)
    assert list(spans(engine(), 10, 100, every=3)) == [(0, 6, 10), (6, 10, 10)]
    assert list(spans(engine(), 5, 100, most=2)) == [(0, 2, 5), (2, 4, 5), (4, 5, 5)]
    assert list(spans(engine(), 3, 10**9)) == [(0, 1, 3), (1, 2, 3), (2, 3, 3)]
    assert list(spans(engine(), 0, 1)) == []


@pytest.mark.parametrize("column", [1, 64])
def test_long_rows_take_a_workgroup_each(issued, monkeypatch, column):
    on = engine()
    monkeypatch.setattr(on, "tuning", dataclasses.replace(on.tuning, row=16, column=32))
    least = 16 if column == 1 else 32
    for n in (least - 4, least):
        shape = (2, n, column)
        y = empty(shape)
        SOFTMAX(x=full(shape, 1.0), y=y, rows=2 * column, n=n, inner=column, LOG=False)
        np.testing.assert_allclose(y.numpy(), 1 / n, rtol=1e-5)
    teams = [(constants["TEAM"], items) for _, constants, items, _ in issued]
    assert teams == [(False, 2 * column), (True, 2 * column * on.local)]


def test_what_a_kernel_runs_over_may_be_numbers_a_tensor_or_a_function(issued):
    x = numbers(3, 4)
    for over in ("n", "rows n", "dst", lambda given: 2 * given["n"], ""):
        more = {"items": 5} if over == "" else {"rows": 3}
        Kernel("copy", over)(src=x, dst=empty((2, 4)), n=8, **more)
    assert [items for _, _, items, _ in issued] == [2, 6, 8, 4, 5]


def test_pieces_are_told_their_first_step(issued, monkeypatch):
    monkeypatch.setattr(engine().stream, "_budget", 3 * 4)
    x = from_numpy(np.array([1.0, 0.75, 0.5, 0.0], np.float32))
    spikes = encode_latency(x, 9).numpy()
    assert len(issued) == 5  # of two steps, which is a power of two
    np.testing.assert_array_equal(spikes.argmax(0), [0, 2, 4, 0])
    np.testing.assert_array_equal(spikes.sum(0), [1, 1, 1, 0])


def test_pieces_of_poisson_spikes_begin_where_four_steps_share_their_numbers(issued, monkeypatch):
    monkeypatch.setattr(engine().stream, "_budget", 3 * 4)
    encode_poisson(numbers(4), 9)
    assert [work for *_, work in issued] == [4 * 4, 4 * 4, 4]


def test_a_variant_that_the_caller_chose_is_refused_where_it_cannot_load_fours(issued):
    chosen = Kernel("copy", fours=None)
    x = numbers(80, 1)
    chosen(src=x._rows(4, 68), dst=empty((64,)), n=16, vec4=True)
    chosen(src=x._rows(4, 68), dst=empty((64,)), n=64, vec4=False)
    assert [i[0] for i in issued] == ["copy.vec4", "copy"]
    with pytest.raises(ValueError, match=r"'copy\.vec4' takes src in units of 16 bytes"):
        chosen(src=x._rows(1, 65), dst=empty((64,)), n=16, vec4=True)
    assert len(issued) == 2


def test_nothing_is_issued_for_no_items(issued):
    COPY(src=empty((0,)), dst=empty((0,)), n=0)
    assert issued == []


def test_constants_that_a_kernel_has_not_are_refused(issued):
    with pytest.raises(SpirvError, match=r"'copy' has no specialization constant \['SPEED'\]"):
        COPY(src=numbers(3), dst=empty((3,)), n=3, SPEED=2)
    with pytest.raises(KeyError, match="dst"):
        COPY(src=numbers(3), n=3)
    assert issued == []
    COPY(src=numbers(3), dst=empty((3,)), n=3, work=9)
    with pytest.raises(SpirvError, match=r"no specialization constant \['SPEED'\]"):  # as many arguments as before
        COPY(src=numbers(3), dst=empty((3,)), n=3, SPEED=2)
    assert len(issued) == 1


def test_every_kernel_of_the_package_is_known_by_its_name():
    assert REGISTRY["softmax"].name == "softmax"
    assert repr(REGISTRY["softmax"]) == "Kernel('softmax')"
