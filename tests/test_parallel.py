"""Training by several ranks: half batches each come to the whole batch of one."""

import numpy as np
import pytest
from rank_training import ROWS, train
from thread_ranks import on_ranks

from grilly_vk import nn, optim, parallel, tensor
from grilly_vk.data import DataLoader
from grilly_vk.ranks import OtherRank


@pytest.mark.parametrize("size", [2, 3])
def test_parts_of_a_batch_are_the_batch(size):
    whole = train(None)
    found = on_ranks(size, train)
    for got in found:
        assert isinstance(got, list), got
        for value, first, wanted, begun in zip(got, found[0], whole, train(None, steps=0)):
            np.testing.assert_array_equal(value, first)  # the same bits on all ranks
            scale = np.abs(wanted - begun).max()  # of what training changed; sums of float32 in another order
            assert scale > 0.01
            np.testing.assert_allclose(value, wanted, rtol=0, atol=2e-4 * scale)


def leaf(*values):
    return nn.Parameter(np.array(values, np.float32))


def test_means_by_weight_and_of_parameters_without_a_gradient():
    def mean(comm):
        rank, _ = parallel.rank(comm)
        every, some, none = leaf(1, 2), leaf(1), leaf(1)
        every.grad = tensor([10.0 + rank, -1.0])
        if rank == 1:
            some.grad = tensor([6.0])
        parallel.average_gradients([every, some, none], comm, weight=[1, 3, 0][rank])
        return every.grad.numpy(), some.grad.numpy(), none.grad

    for every, some, none in on_ranks(3, mean):
        np.testing.assert_array_equal(every, [10.75, -1])
        np.testing.assert_array_equal(some, [4.5])
        assert none is None


def test_what_counts_for_nothing_may_be_infinite_and_nan_stays():
    def mean(comm):
        rank, _ = parallel.rank(comm)
        p, q = leaf(1, 2), leaf(1, 2)
        p.grad = tensor([np.inf if rank else 2.0, 1.0 if rank else np.nan])
        q.grad = tensor([np.inf if rank else -np.inf, 3e38])
        parallel.average_gradients([p], comm, weight=1 - rank)
        parallel.average_gradients([q], comm)
        return p.grad.numpy(), q.grad.numpy()

    for one, two in on_ranks(2, mean):
        np.testing.assert_array_equal(one, [2, np.nan])
        np.testing.assert_array_equal(two, np.float32([np.nan, 3e38]))


def test_alone_nothing_changes():
    p = leaf(1, 2)
    p.grad = tensor([0.1, 3.0])
    parallel.average_gradients(nn.Sequential(nn.Linear(2, 2)), None)
    parallel.average_gradients([p], None, weight=5)
    parallel.broadcast([p], None)
    np.testing.assert_array_equal(p.grad.numpy(), np.float32([0.1, 3]))
    assert parallel.rank(None) == (0, 1) and parallel.use_device(None).index == parallel.use_device(None).index


def test_broadcast_gives_parameters_and_buffers():
    def values(comm):
        rank, _ = parallel.rank(comm)
        net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        for t in net.state_dict().values():
            t.assign(np.full(t.shape, 7 + rank, t.dtype.type))
        parallel.broadcast(net, comm, root=1)
        return [t.numpy() for t in net.state_dict().values()]

    for got in on_ranks(2, values):
        assert len(got) > 3 and all((v == 8).all() for v in got)


def test_the_hook_ends_and_a_closure_comes_before_it():
    p = leaf(1.0)
    sgd = optim.SGD([p], lr=1.0)
    seen = []

    def closure():
        p.grad = tensor([2.0])

    handle = sgd.register_step_pre_hook(lambda own, args, kwargs: seen.append((own, p.grad.item(), args, kwargs)))
    sgd.step(closure)
    assert seen == [(sgd, 2.0, (closure,), {})] and p.item() == -1
    handle.remove()
    sgd.step()
    assert len(seen) == 1
    with pytest.raises(TypeError, match="hook must be callable"):
        sgd.register_step_pre_hook(3)


def test_errors_reach_all():
    def other_shapes(comm):
        rank, _ = parallel.rank(comm)
        parallel.average_gradients([leaf(*range(2 + rank))], comm)

    assert all(isinstance(e, OtherRank) and "average_gradients differs" in str(e) for e in on_ranks(2, other_shapes))

    def nothing(comm):
        parallel.average_gradients([leaf(1)], comm, weight=0)

    assert all(isinstance(e, ValueError) and "all processes are 0" in str(e) for e in on_ranks(2, nothing))
    with pytest.raises(ValueError, match="root must be one of the 1 processes"):
        parallel.broadcast([leaf(1)], None, root=1)
    with pytest.raises(TypeError, match="parameters"):
        parallel.average_gradients(leaf(1), None)
    with pytest.raises(TypeError, match="number 0"):
        parallel.average_gradients([1.0], None)
    with pytest.raises(TypeError, match="an Optimizer"):
        parallel.share_gradients([leaf(1)], None)


@pytest.mark.parametrize(
    "rows, size, drop", [(10, 2, False), (11, 3, False), (11, 3, True), (1, 2, False), (0, 2, True)]
)
def test_ranks_share_the_rows_of_a_loader(rows, size, drop):
    def epoch(comm):
        return list(DataLoader(np.arange(rows), batch_size=2, shuffle=True, seed=3, drop_last=drop, comm=comm))

    whole = list(DataLoader(np.arange(rows), batch_size=2 * size, shuffle=True, seed=3, drop_last=drop))
    found = on_ranks(size, epoch)
    assert {len(batches) for batches in found} == {len(whole)}
    for i, wanted in enumerate(whole):
        parts = [batches[i] for batches in found]
        assert len({len(p) for p in parts}) == 1
        got = np.stack(parts, axis=1).reshape(-1)
        np.testing.assert_array_equal(got[: len(wanted)], wanted)
        assert len(got) - len(wanted) < size and np.isin(got, np.arange(rows)).all()


def test_the_rows_of_the_training_divide():
    assert ROWS % 6 == 0
