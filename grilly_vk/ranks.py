"""Ranks: processes that work together by MPI, what they tell each other, and which device each of them takes.

All that ranks say to each other goes through one kind of meeting (`Ranks.words`), in which each gives some words.  A
rank that fails says so in its next meeting, whatever that was to be, so that no rank waits for one that has gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .control import devices, set_device
from .errors import DeviceError
from .runtime.config import Config
from .runtime.current import opened_engine
from .runtime.devices import DeviceInfo
from .runtime.tuning import tuning_for

log = logging.getLogger("grilly_vk")
_PATIENCE = 10.0  # seconds after which a rank says that it waits
_ROOM = 256  # words of a meeting's first round
_PIECE = 1 << 26  # words in one call of MPI: counts are 32 bits in older ones
_WELL, _FAILED = 0, 1
_NEEDS = ("Get_rank", "Get_size", "Allgather", "Allgatherv", "Alltoall", "Dup", "Get_attr", "Set_attr", "Create_keyval")
_keys: dict[type, int] = {}  # under which MPI keeps the ranks of a communicator with it


class OtherRank(RuntimeError):
    """Another rank failed, or does something else."""


class Ranks:
    """This process among those of a communicator; without one, a process that is alone.

    Args:
        comm: of its own (`Ranks.of` makes it), or None.

    Attributes:
        rank, size: of the communicator.
        room: words that each rank may give in a meeting that takes one round.
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm = comm
        self.rank: int = 0 if comm is None else comm.Get_rank()
        self.size: int = 1 if comm is None else comm.Get_size()
        self.room = _ROOM
        self._settled = False
        self._told: BaseException | None = None  # the failure that the others know

    def __repr__(self) -> str:
        return f"Ranks({self.rank} of {self.size})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Ranks:
        return self

    @staticmethod
    def of(comm: Any) -> Ranks:
        """The ranks of a communicator of mpi4py, "world" for all processes, or None for this one alone.

        They talk over a copy of the communicator, which is made once: every rank calls this together.

        Raises:
            TypeError: no communicator. ImportError: "world" without mpi4py.
        """
        if isinstance(comm, Ranks):
            return comm
        if comm is None:
            return ALONE
        if isinstance(comm, str) and comm == "world":
            comm = _world()
        if not all(callable(getattr(comm, name, None)) for name in _NEEDS):
            raise TypeError(f'comm must be a communicator of mpi4py, "world" or None, not {type(comm).__name__}')
        if comm.Get_size() == 1:
            return ALONE
        if type(comm) not in _keys:
            _keys[type(comm)] = comm.Create_keyval()
        kept: Ranks | None = comm.Get_attr(_keys[type(comm)])
        if kept is None:
            kept = Ranks(comm.Dup())
            comm.Set_attr(_keys[type(comm)], kept)
        return kept

    # ---- what is whose: number i belongs to rank i mod size ----

    def count(self, n: int) -> int:
        """How many of the numbers 0 .. n - 1 are this rank's."""
        return (n - self.rank + self.size - 1) // self.size

    def own(self, values: np.ndarray) -> np.ndarray:
        """This rank's places along the last axis."""
        return values[..., self.rank :: self.size]

    def places(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of some numbers are this rank's, as bools, and which places these have here."""
        mine = numbers % self.size == self.rank
        return mine, numbers[mine] // self.size

    def numbers(self, places: np.ndarray) -> np.ndarray:
        """The numbers that places here have."""
        return places * self.size + self.rank

    def whole(self, own: np.ndarray) -> np.ndarray:
        """All ranks' places along the last axis, in the order of their numbers; a meeting."""
        parts = self.meet(np.ascontiguousarray(own))
        out = np.empty((*own.shape[:-1], sum(p.shape[-1] for p in parts)), own.dtype)
        for r, part in enumerate(parts):
            out[..., r :: self.size] = part
        return out

    def sorting(self, *keys: np.ndarray) -> Sorting:
        """How things that each rank has sorted by keys, the first of them first, lie among those of all; a meeting.

        Things of the same keys must be of one rank, and keep their order.
        """
        parts = self.meet(keys)
        begin = sum(len(part[0]) for part in parts[: self.rank])
        order = np.lexsort([np.concatenate(column) for column in reversed(list(zip(*parts)))])
        return Sorting(self, order, slice(begin, begin + len(keys[0])))

    # ---- meetings ----

    def words(self, given: np.ndarray, status: int = _WELL) -> list[np.ndarray]:
        """What each rank gives, uint32 of any length, by rank.

        Raises:
            OtherRank: another rank has failed.
        """
        if self.size == 1:
            return [given]
        block = np.zeros(self.room + 2, np.uint32)
        block[:2] = status, len(given)
        block[2 : 2 + len(given)] = given[: self.room]
        blocks = np.empty((self.size, len(block)), np.uint32)
        self.comm.Allgather(block, blocks)
        lengths = blocks[:, 1].astype(np.int64)
        if lengths.max() <= self.room:
            found = [b[2 : 2 + n] for b, n in zip(blocks, lengths)]
        else:
            found = self._long(given, lengths)
        failed = np.flatnonzero(blocks[:, 0] == _FAILED)
        if len(failed) and status == _WELL:
            who = int(failed[0])
            self._told = OtherRank(f"rank {who} failed: {pickle.loads(found[who].tobytes())}")
            raise self._told
        return found

    def _long(self, given: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        parts: list[list[np.ndarray]] = [[] for _ in range(self.size)]
        piece = max(1, _PIECE // self.size)
        for at in range(0, int(lengths.max()), piece):
            counts = np.clip(lengths - at, 0, piece)
            into = np.empty(int(counts.sum()), np.uint32)
            self.comm.Allgatherv(np.ascontiguousarray(given[at : at + piece]), (into, counts.tolist()))
            for part, some in zip(parts, np.split(into, np.cumsum(counts)[:-1])):
                part.append(some)
        return [np.concatenate(part) for part in parts]

    def meet(self, given: Any) -> list[Any]:
        """What each rank gives, anything that can be pickled, by rank.

        Raises:
            OtherRank: another rank has failed.
        """
        return [given] if self.size == 1 else [pickle.loads(w.tobytes()) for w in self.words(_pickled(given))]

    def highest(self, values: Any) -> np.ndarray:
        """The highest of all ranks' numbers, for each of some places."""
        own = np.asarray(values)
        return own if self.size == 1 else np.max(np.stack(self.meet(own)), axis=0)

    def turned(self, rows: np.ndarray) -> np.ndarray:
        """Of rows, one for each rank, those that the ranks have for this one, float32; inside `together`."""
        out = np.empty_like(rows)
        if self.size == 1:
            return rows
        for at in range(0, rows.shape[1], _PIECE // self.size):
            some = np.s_[:, at : at + _PIECE // self.size]
            piece = np.empty_like(rows[some])
            self.comm.Alltoall(np.ascontiguousarray(rows[some]), piece)
            out[some] = piece
        return out

    def side_by_side(self, row: np.ndarray) -> np.ndarray:
        """The ranks' rows of one length; inside `together`."""
        if self.size == 1:
            return row[None]
        out = np.empty((self.size, len(row)), row.dtype)
        for at in range(0, len(row), _PIECE // self.size):
            some = np.s_[at : at + _PIECE // self.size]
            piece = np.empty_like(out[:, some])
            self.comm.Allgather(np.ascontiguousarray(row[some]), piece)
            out[:, some] = piece
        return out

    @contextlib.contextmanager
    def together(self, what: str, described: Any = None) -> Iterator[None]:
        """Something that all ranks do: it begins and ends in all of them, or fails in all.

        Args:
            what: named in messages.
            described: must be the same everywhere; a dict's differing entries are named.

        Raises:
            OtherRank: a rank failed, does something else, or describes it otherwise.
        """
        if self.size == 1:
            yield
            return
        try:
            with self._patient(what):
                said = self.meet((what, described))
            for r, (other, its) in enumerate(said):
                if other != said[0][0]:
                    self._told = OtherRank(
                        f"rank 0 does {said[0][0]} and rank {r} {other}: every rank must make the same calls"
                    )
                    raise self._told
                if its != said[0][1]:
                    self._told = OtherRank(f"{what} differs between rank 0 and rank {r}{_difference(said[0][1], its)}")
                    raise self._told
            yield
            self.meet(None)
        except BaseException as error:
            if error is not self._told:
                self.tell(error)
            raise

    def tell(self, error: BaseException) -> None:
        """Tells the others that this rank has failed."""
        self._told = error
        with contextlib.suppress(OtherRank), self._patient(f"telling that {type(error).__name__} came here"):
            self.words(_pickled(f"{type(error).__name__}: {error}"), _FAILED)

    @contextlib.contextmanager
    def _patient(self, what: str) -> Iterator[None]:
        """Says in the log that other ranks are waited for, if it takes long."""
        text = "rank %d waits for the other ranks in %s; every rank must make this call"
        timer = threading.Timer(_PATIENCE, log.warning, (text, self.rank, what))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    # ---- devices ----

    def take_device(self, share: bool = False) -> DeviceInfo | None:
        """Has this rank use a device of its own, the same at each call; None where it is alone.

        What was opened before, or is named by GRILLY_VK_DEVICE, is kept; else the GPUs of a machine go to its ranks in
        turn.  Ranks may share a CPU always, and divide its threads unless LP_NUM_THREADS says how many.

        Args:
            share: lets ranks use one GPU together; GRILLY_VK_SHARE_DEVICE=1 does too.

        Raises:
            DeviceError: no device, or two ranks of a machine on one GPU that may not be shared.
        """
        if self.size == 1:
            return None
        with self.together("the choice of devices"):
            share = share or Config.from_environment().share_device
            said = self.meet((_machine(), _cores()))
            here = [r for r, (machine, _) in enumerate(said) if machine == said[self.rank][0]]
            if opened_engine() is None:
                cores = set().union(*(said[r][1] for r in here))
                _open(here.index(self.rank), len(here), len(cores), share)
            engine = opened_engine()
            assert engine is not None
            used = self.meet(engine.info.uuid)
            twins = [r for r in here if used[r] == engine.info.uuid]
            tuning = tuning_for(engine.info)
            if not tuning.ranks_share and len(twins) > 1 and not share:
                raise DeviceError(f"ranks {', '.join(map(str, twins))} would share one GPU, {engine.info}; {_HOW}")
            self._settled = True
            return engine.info

    def settle(self) -> None:
        """Takes a device, unless that was done."""
        if not self._settled:
            self.take_device()


class Sorting(NamedTuple):
    """Where things of several ranks lie among all of them; see `Ranks.sorting`."""

    ranks: Ranks
    order: np.ndarray  # of all, the ranks' one behind the other
    mine: slice

    def whole(self, own: np.ndarray) -> np.ndarray:
        """Values of all ranks' things, in order; a meeting."""
        return np.concatenate(self.ranks.meet(own))[self.order]

    def own(self, values: np.ndarray) -> np.ndarray:
        """This rank's, of those of all in order."""
        out = np.empty_like(values)
        out[self.order] = values
        return out[self.mine]


ALONE = Ranks()
_HOW = (
    "give each its own (GRILLY_VK_DEVICE or grilly_vk.set_device), start fewer ranks on this machine, or ask for it by "
    "share_device=True or GRILLY_VK_SHARE_DEVICE=1"
)


def _open(here: int, many: int, cores: int, share: bool) -> None:
    """Opens the device of rank `here` of the `many` on this machine; nothing was opened before."""
    if not os.environ.get("LP_NUM_THREADS"):  # lavapipe's, which reads it as it is opened
        os.environ["LP_NUM_THREADS"] = str(max(1, cores // many))
    usable = [d for d in devices() if d.usable]
    kinds = ("discrete", "integrated", "virtual")
    gpus = next((found for kind in kinds if (found := [d for d in usable if d.type == kind])), [])
    if Config.from_environment().device is not None or not gpus:
        set_device()
        return
    if many > len(gpus) and not share:
        raise DeviceError(f"{many} ranks on this machine have {len(gpus)} GPUs, {'; '.join(map(str, gpus))}; {_HOW}")
    set_device(gpus[here % len(gpus)].index)


def _machine() -> str:
    """Names this machine, whatever container the process is in."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def _cores() -> set[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _world() -> Any:
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(
            f"ranks talk by MPI, and mpi4py can't be imported ({error}): pip install 'grilly-vk[mpi]', or mpi4py for "
            "the MPI that your machine has"
        ) from error
    return MPI.COMM_WORLD


def _pickled(given: Any) -> np.ndarray:
    data = pickle.dumps(given, pickle.HIGHEST_PROTOCOL)
    return np.frombuffer(data + bytes(-len(data) % 4), np.uint32)


def _difference(a: Any, b: Any) -> str:
    if not isinstance(a, dict) or not isinstance(b, dict):
        return f": {a} and {b}"
    return f": {next(k for k in [*a, *b] if a.get(k) != b.get(k))}"
