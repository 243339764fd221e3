"""Results have memory of their own, and in-place changes take operands in the same memory."""

import numpy as np
import pytest

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import encode, nn
from grilly_vk.tensor import Tensor

FLOATS = np.arange(12, dtype=np.float32).reshape(3, 4)
ONE = np.float32(3)
TRUE = np.bool_(True)
# (name, call, input): calls whose result could be the input's memory, as nothing is left to do.
SAME = [
    *[(f"{n} of 0-d", lambda x, n=n: getattr(x, n)(), ONE) for n in ("sum", "max", "min", "mean", "argmax", "argmin")],
    *[(f"{n} over no axes", lambda x, n=n: getattr(x, n)(axis=()), FLOATS) for n in ("sum", "max", "min", "mean")],
    *[(f"{n} of int32", lambda x, n=n: getattr(x, n)(axis=()), FLOATS.astype(np.int32)) for n in ("sum", "max", "min")],
    *[(f"{n} of one", lambda x, n=n: getattr(x, n)(), FLOATS[:1, :1]) for n in ("sum", "max", "min", "mean")],
    *[(f"{n} over ones", lambda x, n=n: getattr(x, n)(axis=0), FLOATS[:1]) for n in ("sum", "max", "min", "mean")],
    *[(f"{n} of 0-d", lambda x, n=n: getattr(x, n)(), TRUE) for n in ("any", "all", "sum", "max", "min")],
    *[(f"{n} over no axes", lambda x, n=n: getattr(x, n)(axis=()), FLOATS > 3) for n in ("any", "all")],
    ("cumsum of 0-d", lambda x: x.cumsum(0), ONE),
    ("cumsum of one", lambda x: x.cumsum(0), FLOATS[:1]),
    ("astype", lambda x: x.astype(np.float32), FLOATS),
    ("astype int32", lambda x: x.astype("int32"), FLOATS.astype(np.int32)),
    ("astype bool", lambda x: x.astype(bool), FLOATS > 3),
    ("broadcast_to", lambda x: x.broadcast_to(3, 4), FLOATS),
    ("broadcast_to with ones in front", lambda x: x.broadcast_to((1, 1, 3, 4)), FLOATS),
    ("expand", lambda x: x.expand(3, -1), FLOATS),
    ("expand of 0-d", lambda x: x.expand(1, 1), ONE),
    ("permute", lambda x: x.permute(0, 1), FLOATS),
    ("transpose", lambda x: x.transpose(0, 0), FLOATS),
    ("T", lambda x: x.T, FLOATS[0]),
    ("getitem", lambda x: x[...], FLOATS),
    ("getitem of all", lambda x: x[:, :], FLOATS),
    ("getitem of 0-d", lambda x: x[()], ONE),
    ("iteration", lambda x: next(iter(x)), FLOATS[:1]),
    ("split in one", lambda x: x.split(3)[0], FLOATS),
    ("split by sizes", lambda x: x.split((4,), 1)[0], FLOATS),
    ("pad by nothing", lambda x: x.pad([(0, 0)]), FLOATS),
    ("pad of no axis", lambda x: x.pad([]), FLOATS),
    ("flip", lambda x: x.flip(0), FLOATS[:1]),
    ("clamp", lambda x: x.clamp(-np.inf), FLOATS),
    ("clamp of int32", lambda x: x.clamp(-(10**20), 10**20), FLOATS.astype(np.int32)),
    ("flip along no axis", lambda x: x.flip(dims=()), FLOATS),
    ("roll by nothing", lambda x: x.roll(0), FLOATS),
    ("repeat once", lambda x: x.repeat(1, 1), FLOATS),
    ("repeat_interleave once", lambda x: x.repeat_interleave(1, 0), FLOATS),
    ("chunk in one", lambda x: x.chunk(1)[0], FLOATS),
    ("narrow to all", lambda x: x.narrow(0, 0, 3), FLOATS),
    ("movedim to where it is", lambda x: x.movedim(0, 0), FLOATS),
    ("einsum of one as it is", lambda x: g.einsum("ij->ij", x), FLOATS),
    ("einsum over one", lambda x: g.einsum("ij->j", x), FLOATS[:1]),
    ("round of int32", lambda x: x.round(), FLOATS.astype(np.int32)),
    ("nan_to_num of int32", lambda x: x.nan_to_num(), FLOATS.astype(np.int32)),
    ("amax over no axes", lambda x: x.amax(()), FLOATS),
    ("prod over no axes", lambda x: x.prod(()), FLOATS),
    ("cumprod of one", lambda x: x.cumprod(0), FLOATS[:1]),
    ("sort of one", lambda x: x.sort(0)[0], FLOATS[:1]),
    ("median of one", lambda x: x.median(0)[0], FLOATS[:1]),
    ("masked_select of all", lambda x: x.masked_select(x > -1), FLOATS),
    ("masked_fill of nothing", lambda x: x.masked_fill(x < -1, 0.0), FLOATS),
    ("index by a mask", lambda x: x[x > -1], FLOATS),
    ("vstack of one", lambda x: g.vstack([x]), FLOATS),
    ("meshgrid of one", lambda x: g.meshgrid(x)[0], FLOATS[0]),
    ("clone", lambda x: x.clone(), FLOATS),
    ("copy", lambda x: x.copy(), FLOATS),
    ("cat of one", lambda x: g.cat([x]), FLOATS),
    ("stack of one", lambda x: g.stack([x]), FLOATS),
    ("where", lambda x: g.where(g.tensor(TRUE), x, x), FLOATS),
    ("tensor", lambda x: g.tensor(x), FLOATS),
    ("plus 0", lambda x: x + 0, FLOATS),
    ("times 1", lambda x: x * 1, FLOATS),
    ("by 1", lambda x: x / 1, FLOATS),
    ("to the first power", lambda x: x**1, FLOATS),
    ("abs", lambda x: abs(x), FLOATS.astype(np.int32)),
    ("relu", lambda x: x.relu(), FLOATS.astype(np.int32)),
    ("or", lambda x: x | False, FLOATS > 3),
    ("index_select", lambda x: x[[0, 1, 2]], FLOATS),
    ("direct, one step", lambda x: encode.direct(x, 1), FLOATS),
    ("max_pool2d", lambda x: F.max_pool2d(x, 1), FLOATS[None]),
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 1), FLOATS[None]),
    ("dropout of nothing", lambda x: F.dropout(x, 1.0), FLOATS),
    ("Delay by 0", lambda x: nn.Delay(0, "m")(x), FLOATS),
    ("gradient of a sum", lambda x: g.grad([_leaf().sum(axis=())], [_LEAVES[-1]], [x])[0], FLOATS),
    ("gradient of a reshape", lambda x: g.grad([_leaf().reshape(3, 4)], [_LEAVES[-1]], [x])[0], FLOATS),
]  # fmt: skip
_LEAVES: list[Tensor] = []


def _leaf():
    _LEAVES[:] = [g.ones(3, 4, requires_grad=True)]
    return _LEAVES[-1]


@pytest.mark.parametrize(
    ("call", "array", "tape"),
    [pytest.param(c, a, t, id=f"{n}{', on the tape' * t}") for n, c, a in SAME for t in {False, a.dtype == np.float32}],
)
def test_a_result_has_memory_of_its_own(call, array, tape):
    x = g.tensor(array)
    if tape:
        x.requires_grad_()
    y = call(x)
    y.detach().assign(np.full(y.shape, 1, y.dtype))
    np.testing.assert_array_equal(x.numpy(), array)
    x.detach().assign(np.zeros_like(array))
    np.testing.assert_array_equal(y.numpy(), np.full(y.shape, 1, y.dtype))


def test_what_shares_the_memory_does_so_always():
    for shares in (
        lambda x: x.reshape(4, 3), lambda x: x.reshape(3, 4), lambda x: x.view(12), lambda x: x.flatten(),
        lambda x: x.flatten(1, 1), lambda x: x.squeeze(), lambda x: x.unsqueeze(0), lambda x: x.detach(),
    ):  # fmt: skip
        x = g.tensor(FLOATS)
        y = shares(x)
        y += 1
        np.testing.assert_array_equal(x.numpy(), FLOATS + 1)


def test_states_after_no_steps_have_memory_of_their_own():
    from grilly_vk.ops.core_run import CoreDynamics
    from grilly_vk.ops.cores import unroll
    from grilly_vk.ops.synapses import dual_timescale, stp, synapse_filter

    none, state, image = g.zeros(0, 3), FLOATS[0, :3], np.ones((2, 1, 3, 1), np.float32)
    for run, start in (
        (lambda v: synapse_filter(none, v, 0.5, steps=0)[1], state),
        (lambda v: dual_timescale(none, v, v, (0.5, 0.5), (1.0, 1.0), steps=0)[1], state),
        (lambda v: stp(none, v, v, 0.5, 0.5, 0.5, steps=0)[2], state),
        (lambda v: g.functional.neu_norm(g.zeros(0, 2, 4, 3, 1), v, np.ones((4, 3, 1)), 0.5)[1], image),
        (lambda v: unroll(none, v, CoreDynamics("if", 1.0, 3, 3), None)[1], state),
    ):
        v = g.tensor(start)
        end = run(v)
        np.testing.assert_array_equal(end.numpy(), start)
        end += 1
        np.testing.assert_array_equal(v.numpy(), start)


@pytest.mark.parametrize("shape", [(1000,), (37, 41), (8, 128, 4)])
def test_assignment_from_the_same_memory(shape):
    """The values are those before the assignment, as in numpy; each runs often enough to meet a race."""
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    last = (slice(None),) * (len(shape) - 1)
    for key in (slice(None, None, -1), (*last, slice(None, None, -1)), ..., slice(None)):
        for _ in range(3):
            x, wanted = g.tensor(array), array.copy()
            x[key] = x
            wanted[key] = wanted.copy()
            np.testing.assert_array_equal(x.numpy(), wanted)
            assert x.version == 1
    for key in (slice(1, None), slice(None, -1)):
        x, wanted = g.tensor(array), array.copy()
        n = shape[0] - 1
        for start in (0, 1):
            x[key] = x._rows(start, start + n)  # an internal alias of a part
            wanted[key] = wanted[start : start + n].copy()
            np.testing.assert_array_equal(x.numpy(), wanted)
    x = g.tensor(array)
    x[::-1] = x.detach()
    np.testing.assert_array_equal(x.numpy(), array[::-1])
    y = x.reshape(x.size)
    y[::-1] = x.view(-1)
    np.testing.assert_array_equal(x.numpy(), array[::-1].reshape(-1)[::-1].reshape(shape))


def test_assignment_by_a_mask_or_indices_in_the_same_memory():
    x = g.tensor(np.array([True, False, True]))
    x[x] = False
    assert not x.numpy().any()
    for key in ([2, 0, 1], np.array([1, 1, 0])):
        t, wanted = g.tensor(FLOATS), FLOATS.copy()
        t[key] = t
        for to, row in zip(key, FLOATS):
            wanted[to] = row
        np.testing.assert_array_equal(t.numpy(), wanted)
    i, wanted = g.tensor(np.array([2, 0, 1], np.int32)), np.array([2, 0, 1])
    i[i] = i
    wanted[wanted.copy()] = wanted.copy()
    np.testing.assert_array_equal(i.numpy(), wanted)
    for mask in (FLOATS > 3, np.array([True, False, True])):
        t, wanted = g.tensor(FLOATS), FLOATS.copy()
        t[g.tensor(mask)] = t[1, 1]
        wanted[mask] = FLOATS[1, 1]
        np.testing.assert_array_equal(t.numpy(), wanted)
        t[mask] = t.view(12)._rows(7, 8).view(())  # one of its own elements
        wanted[mask] = wanted.reshape(-1)[7]
        np.testing.assert_array_equal(t.numpy(), wanted)


SQUARE = np.arange(9, dtype=np.float32).reshape(3, 3)
CHANGES = {
    "add_": (lambda x: x.add_(x), SQUARE * 2),
    "mul_": (lambda x: x.mul_(x.T), SQUARE * SQUARE.T),
    "copy_": (lambda x: x.copy_(x.reshape(9)._rows(0, 3)), np.broadcast_to(SQUARE[0], (3, 3))),
    "scatter_": (lambda x: x.scatter_(0, g.tensor(np.array([[2] * 3, [1] * 3, [0] * 3], np.int32)), x), SQUARE[::-1]),
    "index_add_": (lambda x: x.index_add_(0, [2, 1, 0], x), SQUARE + SQUARE[::-1]),
    "lerp_": (lambda x: x.lerp_(x, 0.5), SQUARE),
    "masked_fill_": (lambda x: x.masked_fill_(x > 4, x[1, 1]), np.where(SQUARE > 4, 4, SQUARE)),
    "clamp_": (lambda x: x.clamp_(x, x), SQUARE),
}


@pytest.mark.parametrize("name", CHANGES)
def test_methods_in_place_with_an_operand_in_the_same_memory(name):
    change, wanted = CHANGES[name]
    x = g.tensor(SQUARE)
    change(x)
    np.testing.assert_array_equal(x.numpy(), wanted)


def test_assign_from_the_same_memory():
    array = np.arange(5000, dtype=np.float32)
    for start, stop in ((0, 4000), (1000, 5000), (500, 4500)):
        x, wanted = g.tensor(array), array.copy()
        x._rows(500, 4500).assign(x._rows(start, stop))
        wanted[500:4500] = array[start:stop]
        np.testing.assert_array_equal(x.numpy(), wanted)
    x = g.tensor(array)
    x.assign(x.share()[::-1])
    np.testing.assert_array_equal(x.numpy(), array[::-1])
    x[:4000] = x.share()[1000:]
    np.testing.assert_array_equal(x.numpy(), np.r_[array[::-1][1000:], array[::-1][4000:]])


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv"])
def test_operators_in_place_with_an_operand_in_the_same_memory(name):
    array = np.arange(1, 37, dtype=np.float32).reshape(6, 6)
    for operand in (lambda x: x, lambda x: x.reshape(6, 6), lambda x: x.T, lambda x: x[0], lambda x: x._rows(2, 3)):
        x, wanted = g.tensor(array), array.copy()
        other = np.array(operand(g.tensor(array)))
        getattr(x, f"__{name}__")(operand(x))
        getattr(wanted, f"__{name}__")(other)
        np.testing.assert_allclose(x.numpy(), wanted, rtol=1e-6)


def test_assignment_from_the_same_memory_in_a_graph():
    x = g.tensor(FLOATS)
    with g.capture() as graph:
        x[::-1] = x
    wanted = FLOATS
    for _ in range(3):
        np.testing.assert_array_equal(x.numpy(), wanted)
        graph.replay()
        wanted = wanted[::-1]


def test_running_statistics_have_memory_of_their_own():
    x, mean = g.tensor(FLOATS), g.zeros(4)
    for a, b in ((mean, mean), (mean, mean.detach()), (x._rows(0, 1).view(4), mean), (mean, x._rows(2, 3).view(4))):
        with pytest.raises(ValueError, match="running_mean and running_var must have memory of their own"):
            F.batch_norm(x, a, b, training=True)
    np.testing.assert_array_equal(x.numpy(), FLOATS)
    assert F.batch_norm(x, mean, mean).shape == (3, 4)  # nothing is written


def test_debug_mode_refuses_a_dispatch_that_writes_what_it_reads(snippet):
    source = """
    import grilly_vk
    x = grilly_vk.ones(8)
    for src, dst in ((x, x), (x, x._rows(0, 2)), (x._rows(1, 5), x._rows(4, 8)), (x._rows(0, 4), x._rows(4, 8))):
        try:
            x.engine.launch("copy", 2, src=src, dst=dst, n=2)
        except RuntimeError as error:
            print(error)
        else:
            print("fine")
    """
    wanted = "GRILLY_VK_DEBUG: kernel 'copy' writes 'dst', which has memory in common with 'src'"
    assert snippet(source, GRILLY_VK_DEBUG=1).out.splitlines() == [wanted] * 3 + ["fine"]
