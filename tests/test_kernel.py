"""Declared kernels: which variant a call takes, how long runs are cut, what is refused."""

import numpy as np
import pytest

from grilly_vk.runtime import engine
from grilly_vk.runtime.kernel import REGISTRY, Kernel, Span, spans
from grilly_vk.runtime.spirv import SpirvError
from grilly_vk.tensor import empty, from_numpy

COPY = Kernel("copy")
LIF = Kernel("snn-lif", cut="x? s trace")


@pytest.fixture
def issued(monkeypatch):
    """(name of the pipeline, its constants that a call gave, items, work) of each dispatch."""
    on, seen = engine(), []
    issue = on.issue

    def note(pipeline, buffers, arguments, items, work=None):
        if pipeline.name != "fill":  # the debug mode's
            seen.append((pipeline.name, {k: v for k, v in arguments.items() if k.isupper()}, items, work))
        issue(pipeline, buffers, arguments, items, work)

    monkeypatch.setattr(on, "issue", note)
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
    s = empty((6 if x.shape[0] == 1 else x.shape[0], *v.shape))
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
    x = from_numpy(np.full((1, 4), 0.6, np.float32))
    v, hold = from_numpy(np.zeros(4, np.float32)), from_numpy(np.zeros(4, np.uint32))
    np.testing.assert_array_equal(lif(x, v, hold, 6, decay=1.0).numpy()[:, 0], [0, 1, 0, 1, 0, 1])


def test_pieces_begin_at_multiples_and_have_no_more_steps_than_wanted(monkeypatch):
    monkeypatch.setattr(engine().stream, "_budget", 1000)
    assert list(spans(engine(), 10, 100, every=3)) == [(0, 6, 10), (6, 10, 10)]
    assert list(spans(engine(), 5, 100, most=2)) == [(0, 2, 5), (2, 4, 5), (4, 5, 5)]
    assert list(spans(engine(), 3, 10**9)) == [(0, 1, 3), (1, 2, 3), (2, 3, 3)]
    assert list(spans(engine(), 0, 1)) == []


def test_nothing_is_issued_for_no_items(issued):
    COPY(src=empty((0,)), dst=empty((0,)), n=0)
    assert issued == []


def test_constants_that_a_kernel_has_not_are_refused(issued):
    with pytest.raises(SpirvError, match=r"'copy' has no specialization constant \['SPEED'\]"):
        COPY(src=numbers(3), dst=empty((3,)), n=3, SPEED=2)
    with pytest.raises(KeyError, match="dst"):
        COPY(src=numbers(3), n=3)
    assert issued == []


def test_every_kernel_of_the_package_is_known_by_its_name():
    assert REGISTRY["softmax"].name == "softmax"
    assert repr(REGISTRY["softmax"]) == "Kernel('softmax')"
