"""Who gets which memory: the placement of a graph's blocks, and pools under random programs (no device involved)."""

from itertools import combinations, count, pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grilly_vk.errors import OutOfDeviceMemory
from grilly_vk.runtime.memory import ALIGN, Arena, Pool, Segment
from grilly_vk.runtime.placement import place

KIB = 1 << 10
MANY = 1 << 40


def most_alive(lives):
    """The most bytes needed at once: no placement takes less."""
    return max((sum(s for s, a, b in lives if a <= at <= b) for _, at, _ in lives), default=0)


@st.composite
def lifetimes(draw):
    sizes = st.integers(1, 40).map(lambda n: n * ALIGN)
    spans = st.tuples(sizes, st.integers(0, 30), st.integers(0, 12))
    return [(size, first, first + more) for size, first, more in draw(st.lists(spans, max_size=40))]


@given(lifetimes(), st.sampled_from([40 * ALIGN, 100 * ALIGN, MANY]))
@example([], MANY)
def test_blocks_needed_at_the_same_time_are_apart(lives, limit):
    places, pieces = place(lives, limit)
    assert len(places) == len(lives)
    ends = [0] * len(pieces)
    for (size, _, _), (piece, offset) in zip(lives, places):
        assert offset >= 0 and offset % ALIGN == 0
        ends[piece] = max(ends[piece], offset + size)
    assert ends == pieces and all(0 < p <= limit for p in pieces)
    assert most_alive(lives) <= sum(pieces) <= sum(size for size, _, _ in lives)
    for (one, (p, at)), (two, (q, start)) in combinations(zip(lives, places), 2):
        if p == q and one[1] <= two[2] and two[1] <= one[2]:
            assert at + one[0] <= start or start + two[0] <= at


def test_blocks_that_follow_each_other_share_memory():
    assert place([(512, 0, 1), (256, 2, 2), (512, 3, 9)], MANY) == ([(0, 0)] * 3, [512])


def test_a_gap_is_filled():
    lives = [(1024, 0, 3), (512, 0, 1), (512, 2, 9), (256, 0, 9), (1024, 4, 9)]
    assert place(lives, MANY)[1] == [most_alive(lives)] == [1792]


def test_forward_and_backward_of_a_network_take_no_more_than_is_alive():
    """Activations that live from their layer to its turn backwards, and two gradients at a time."""
    sizes = [ALIGN * n for n in (64, 64, 32, 32, 16, 16, 8)]
    end = 2 * len(sizes)
    lives = [(size, i, end - i) for i, size in enumerate(sizes)]
    lives += [(size, end - i, end - i + 1) for i, size in enumerate(sizes)]
    assert sum(place(lives, MANY)[1]) <= 1.05 * most_alive(lives)


def make_pool(largest=1 << 30, room=1 << 30):
    numbers = count(1)

    def create(nbytes):
        if pool.reserved + nbytes > room:
            raise OutOfDeviceMemory("no more")
        return Segment(next(numbers), None, object(), nbytes, None)

    pool = Pool(create, 64 * KIB, largest, lambda: (0, False), lambda: 0, lambda: None, lambda gone: None)
    return pool


def used(pool, arena, *buffers):
    for buffer in buffers:
        buffer.block.last = arena.clock
    arena.clock += 1


def check(pool, live, graphs):
    """Eager tensors and the memory of graphs are apart, and so are results within a graph's."""
    owners = [b.block for b in live if b.block.arena is None] + [h for g in graphs for h in g.held]
    assert sum(b.size for b in owners) == pool.in_use <= pool.peak <= pool.reserved
    for blocks in (owners, [b.block for b in live]):
        owned = sorted((b.segment.number, b.offset, b.offset + b.size) for b in blocks)
        for (segment, _, stop), (other, start, _) in pairwise(owned):
            assert segment != other or stop <= start
    for buffer in live:
        assert buffer.segment is buffer.block.segment and buffer.offset == buffer.block.offset
        assert buffer.offset % ALIGN == 0 and buffer.nbytes <= buffer.block.size
        if buffer.block.arena is not None:
            inside = [h for h in buffer.block.arena.held if h.segment is buffer.segment]
            assert any(h.offset <= buffer.offset <= h.offset + h.size - buffer.block.size for h in inside)


STEP = st.one_of(
    st.tuples(st.just("alloc"), st.integers(0, 20 * KIB)),
    st.tuples(st.just("alloc"), st.integers(0, 20 * KIB)),
    st.tuples(st.just("free"), st.integers(0, 1 << 20)),
    st.tuples(st.just("capture"), st.just(0)),
    st.tuples(st.just("drop"), st.integers(0, 1 << 20)),
)


@given(st.lists(STEP, max_size=60))
def test_random_programs_and_graphs_share_nothing_and_give_all_back(steps):
    pool, live, graphs = make_pool(), [], []
    for what, n in steps:
        if what == "alloc":
            live.append(pool.alloc(n))
            if pool.arena is not None:
                used(pool, pool.arena, live[-1])
        elif what == "free" and live:
            del live[n % len(live)]
        elif what == "capture" and pool.arena is None:
            pool.arena = Arena(None)
        elif what == "capture":
            pool.collect()
            arena, pool.arena = pool.arena, None
            pool.settle(arena)
            graphs.append(arena)
        elif what == "drop" and graphs:
            pool.retired.append(graphs.pop(n % len(graphs)))
        if pool.arena is not None:
            continue
        pool.collect()
        check(pool, live, graphs)
    if pool.arena is not None:  # a capture that failed
        pool.retired.append(pool.arena)
        pool.arena = None
    pool.retired.extend(graphs)
    live.clear()
    pool.collect()
    assert pool.in_use == 0
    pool._coalesce()
    assert all(s.free == [(0, s.nbytes)] for s in pool.segments)


def test_a_graph_is_cut_in_pieces_where_nothing_larger_fits():
    pool = make_pool(room=192 * KIB)
    eager = [pool.alloc(32 * KIB) for _ in range(6)]
    arena = pool.arena = Arena(None)
    inside = [pool.alloc(n * KIB) for n in (32, 16, 16, 24)]
    used(pool, arena, *inside)
    pool.arena = None
    del eager[1], eager[3]
    pool.collect()
    with pytest.raises(OutOfDeviceMemory):
        pool.settle(arena)
    assert arena.held == [] and pool.in_use == 4 * 32 * KIB
    del eager[3]
    pool.collect()
    pool.settle(arena)
    assert len(arena.held) > 1 and arena.nbytes == 88 * KIB
    places = {(b.segment.number, b.offset) for b in inside}
    assert len(places) == 4 and places.isdisjoint((b.segment.number, b.offset) for b in eager)


def test_many_blocks_are_placed_in_reasonable_time():
    """Longer graphs have thousands of tensors; the work grows with how many are alive at once."""
    rng = np.random.default_rng(0)
    first = np.arange(3000)
    lives = np.stack([rng.integers(1, 1000, 3000) * ALIGN, first, first + rng.integers(1, 60, 3000)], 1).tolist()
    assert sum(place(lives, MANY)[1]) <= 1.25 * most_alive(lives)
