"""Exchange: how the ranks of a network hear each other's spikes, once in each batch of steps.

A batch is as long as the shortest delay, so what it emits arrives after it: each rank advances its own neurons, all
give each other the batch's spikes, and each delivers all of them to its own neurons.  The end of one batch and the
beginning of the next are one captured graph.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..ranks import Ranks
from ..runtime.engine import Engine
from ..runtime.graph import Graph
from ..runtime.kernel import Kernel
from ..tensor import UINT32, Tensor, full

_SEND = Kernel("sim-send", over=lambda a: 64)
_RECEIVE = Kernel("sim-receive", over=lambda a: 64 * a["n"])


class Exchange:
    """What one rank needs to hear the others.

    Args:
        engine: where this rank's neurons are.
        ranks: who takes part.
        batch: steps, at most.
        shared: `count` and `list` of this rank's own spikes, see sim-frame.glsl.
        total: neurons of all ranks.
        advance: issues the advance of so many steps, before spikes are taken.
        log: issues what ends a batch of this rank: its record, empty lists, the clock set on.
        deliver: issues the delivery of what (count, list) hold.
    """

    def __init__(
        self,
        engine: Engine,
        ranks: Ranks,
        batch: int,
        shared: dict[str, Tensor],
        total: int,
        *,
        advance: Callable[[int], None],
        log: Callable[[int], None],
        deliver: Callable[[Tensor, Tensor], None],
    ) -> None:
        self.engine, self.ranks, self.batch, self.own, self.total = engine, ranks, batch, shared, total
        self._advance, self._log, self._deliver = advance, log, deliver
        self.heard = {
            "count": full((batch + 2,), 0, UINT32, engine),
            "list": full((batch, total), 0, UINT32, engine),
        }
        self._room(64)

    def _room(self, spikes: int) -> None:
        """Makes blocks for so many spikes of a rank in a batch."""
        self.block = 1 + self.batch + spikes
        self.outbox = full((self.block,), 0, UINT32, self.engine)
        self.inbox = full((self.ranks.size, self.block), 0, UINT32, self.engine)
        self._graph: Graph | None = None

    def changed(self) -> None:
        """Something that graphs hold as numbers has changed."""
        self._graph = None

    def run(self, steps: int, record: Callable[[int], np.ndarray], interrupted: list[Any]) -> tuple[int, int | None]:
        """Advances by so many steps, or fewer if a rank was interrupted.

        Args:
            record: the last so many spikes in this rank's record.
            interrupted: anything in it says that this rank was.

        Returns:
            How many steps, and the rank that was interrupted, or None.
        """
        done, begun = 0, min(steps, self.batch)
        self._begin(begun)
        while True:
            who = self._talk(bool(interrupted), record)
            done += begun
            after = 0 if who is not None else min(steps - done, self.batch)
            if after == self.batch:
                self._middle()
            else:
                self._end(begun)
                if after:
                    self._begin(after)
            if not after:
                return done, who
            begun = after

    def _begin(self, steps: int) -> None:
        self._advance(steps)
        _SEND(
            self.engine, count=self.own["count"], list=self.own["list"], outbox=self.outbox,
            n=1, steps=steps, total=self.own["list"].shape[1], block=self.block, groups=1, B=self.batch,
        )  # fmt: skip
        self._log(steps)

    def _end(self, steps: int) -> None:
        _RECEIVE(
            self.engine, inbox=self.inbox, clock=self.own["count"], **self.heard,
            n=self.ranks.size, steps=steps, total=self.total, block=self.block, groups=self.ranks.size, B=self.batch,
        )  # fmt: skip
        self._deliver(self.heard["count"], self.heard["list"])

    def _middle(self) -> None:
        """The end of a whole batch and the beginning of the next."""
        if self._graph is None:
            self._graph = graph = Graph(self.engine)
            with graph:
                self._end(self.batch)
                self._begin(self.batch)
        self._graph.replay()

    def _talk(self, interrupted: bool, record: Callable[[int], np.ndarray]) -> int | None:
        """Gives all ranks this one's spikes, and takes theirs; the rank that was interrupted, or None."""
        head = 1 + self.batch
        out = self.outbox.numpy()
        spikes = int(out[0])
        if spikes > self.block - head:
            out = np.concatenate([out[:head], record(spikes)])
        said = self.ranks.words(np.concatenate([[np.uint32(interrupted)], out[: head + spikes]], dtype=np.uint32))
        most = max(len(words) for words in said) - 1
        if most > self.block:
            self._room(2 * (most - head))
            self.ranks.room = max(self.ranks.room, self.block + 1)
        blocks = np.zeros((self.ranks.size, self.block), np.uint32)
        for block, words in zip(blocks, said):
            block[: len(words) - 1] = words[1:]
        self.inbox.assign(blocks)
        return next((r for r, words in enumerate(said) if words[0]), None)


@contextlib.contextmanager
def interrupts(*, noted: bool) -> Iterator[list[Any]]:
    """Where it is wanted, notes Ctrl+C in a list in place of raising it, so that ranks can stop together.

    What is left in the list is raised at the end.
    """
    seen: list[Any] = []
    if not noted or threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = signal.signal(signal.SIGINT, lambda *what: seen.append(what))
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
    if seen:
        raise KeyboardInterrupt
