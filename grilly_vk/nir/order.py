"""In which order the nodes of a graph run, and which edges of its cycles carry what was there a step before.

Nothing here recurses: graphs may be as deep as they are large.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

Edge = tuple[str, str]


class Stage(NamedTuple):
    """Nodes that run together, in this order: one, for all steps at once; or those of a cycle, step by step."""

    nodes: tuple[str, ...]
    stepped: bool


class Order(NamedTuple):
    """Stages one after the other, and the edges that carry the output of the step before."""

    stages: list[Stage]
    late: set[Edge]


def ordered(
    nodes: Iterable[str], edges: Iterable[Edge], inputs: Iterable[str], spiking: set[str], waits: set[str]
) -> Order:
    """The order of a graph.

    A cycle through a node of `waits` (delays of at least one step) is as long as it says.  Any other cycle takes
    exactly one step, on an edge that closes it when nodes are visited from the inputs on, nearest first and then by
    name.  Where the way from a spiking neuron to that edge has no branch, it is the neuron's output that waits, so that
    what lies between the two sees zeros in the first step.
    """
    names, pairs = list(nodes), list(dict.fromkeys(edges))
    after: dict[str, list[str]] = {name: [] for name in names}
    before: dict[str, list[str]] = {name: [] for name in names}
    for a, b in pairs:
        after[a].append(b)
        before[b].append(a)
    rank = _ranks(names, after, inputs)
    for found in after.values():
        found.sort(key=rank.__getitem__)
    groups = [set(group) for group in components(names, after)]
    place = {name: i for i, group in enumerate(groups) for name in group}
    late: set[Edge] = set()
    for i, group in enumerate(groups):
        if len(group) == 1 and not any(b in group for b in after[next(iter(group))]):
            continue
        inner = {
            name: [b for b in after[name] if place[b] == i and b not in waits] for name in group
        }  # what goes into a delay arrives later by itself
        closing = _closing(sorted(group, key=rank.__getitem__), inner, before, place, i)
        late |= {_from_the_neuron(edge, before, after, spiking) for edge in closing}
    stages = []
    for group in reversed(groups):  # Tarjan finds the last ones first
        loops = len(group) > 1 or any(b in group for b in after[next(iter(group))])
        stages.append(Stage(_sorted(group, before, late, waits, rank) if loops else tuple(group), loops))
    return Order(stages, late)


def _ranks(names: list[str], after: Mapping[str, list[str]], inputs: Iterable[str]) -> dict[str, int]:
    """Places of nodes: by distance from the inputs, then by name, whatever the order of nodes and edges is."""
    far = dict.fromkeys(inputs, 0)
    queue = deque(far)
    while queue:
        name = queue.popleft()
        for b in after[name]:
            if b not in far:
                far[b] = far[name] + 1
                queue.append(b)
    end = len(names)
    return {name: i for i, name in enumerate(sorted(names, key=lambda n: (far.get(n, end), n)))}


def components(names: Iterable[str], after: Mapping[str, list[str]]) -> list[list[str]]:
    """Strongly connected components, each after those that it leads to (Tarjan 1972, with a stack of its own)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    open_, on, out = [], set(), []  # type: list[str], set[str], list[list[str]]
    for start in names:
        if start in index:
            continue
        work = [(start, iter(after[start]))]
        index[start] = low[start] = len(index)
        open_.append(start)
        on.add(start)
        while work:
            name, rest = work[-1]
            for b in rest:
                if b not in index:
                    index[b] = low[b] = len(index)
                    open_.append(b)
                    on.add(b)
                    work.append((b, iter(after[b])))
                    break
                if b in on:
                    low[name] = min(low[name], index[b])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    group: list[str] = []
                    while not group or group[-1] != name:
                        group.append(open_.pop())
                        on.discard(group[-1])
                    out.append(group)
    return out


def _closing(
    group: list[str], inner: Mapping[str, list[str]], before: Mapping[str, list[str]], place: Mapping[str, int], i: int
) -> list[Edge]:
    """The edges back to a node that is being visited, from where the group is entered."""
    entries = [name for name in group if any(place[a] != i for a in before[name])]
    found, done, open_ = [], set(), set()  # type: list[Edge], set[str], set[str]
    for start in [*entries, *group]:
        if start in done:
            continue
        work = [(start, iter(inner[start]))]
        open_.add(start)
        while work:
            name, rest = work[-1]
            for b in rest:
                if b in open_:
                    found.append((name, b))
                elif b not in done:
                    open_.add(b)
                    work.append((b, iter(inner[b])))
                    break
            else:
                work.pop()
                open_.discard(name)
                done.add(name)
    return found


def _from_the_neuron(
    edge: Edge, before: Mapping[str, list[str]], after: Mapping[str, list[str]], spiking: set[str]
) -> Edge:
    """The edge out of the spiking neuron from which a way without branches leads to this edge; else the edge itself."""
    tail, head = edge
    seen = set()
    while tail not in spiking:
        if tail in seen or len(before[tail]) != 1 or len(after[tail]) != 1:
            return edge
        seen.add(tail)
        tail, head = before[tail][0], tail
    return tail, head


def _sorted(
    group: Iterable[str], before: Mapping[str, list[str]], late: set[Edge], waits: set[str], rank: Mapping[str, int]
) -> tuple[str, ...]:
    """The nodes of a cycle in the order of one step."""
    own = set(group)
    needs = {
        name: {a for a in before[name] if a in own and (a, name) not in late} if name not in waits else set()
        for name in own
    }
    gives: dict[str, list[str]] = {name: [] for name in own}
    for name, sources in needs.items():
        for a in sources:
            gives[a].append(name)
    ready = sorted((name for name in own if not needs[name]), key=rank.__getitem__, reverse=True)
    out = []
    while ready:
        name = ready.pop()
        out.append(name)
        for b in gives[name]:
            needs[b].discard(name)
            if not needs[b]:
                ready.append(b)
    assert len(out) == len(own), "a cycle was left"
    return tuple(out)
