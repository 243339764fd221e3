"""DataLoader: batches over arrays or a data set, shuffled by a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..ranks import Ranks
from ..settings import fixed, setting
from ..surroundings import as_numpy, is_foreign
from ..tensor import Tensor
from ..values import unmasked


def _is_dataset(arrays: tuple[Any, ...]) -> bool:
    """One object of which samples can be asked for, such as a data set of Tonic or PyTorch; no array."""
    if len(arrays) != 1 or isinstance(arrays[0], (np.ndarray, Tensor, list, tuple, str, bytes, dict)):
        return False
    return hasattr(arrays[0], "__getitem__") and hasattr(arrays[0], "__len__") and not is_foreign(arrays[0])


class DataLoader:
    """Iterates over batches of one or several arrays of equal length, or of a data set.

    Args:
        arrays: numpy arrays (or array-likes) with the same first axis; or one data set, an object with ``len(it)`` and
            ``it[i]``, such as those of Tonic and of `grilly_vk.data.events`.
        batch_size: rows per batch.
        shuffle: another order each epoch, fixed by the seed.
        drop_last: leave out a last batch that is smaller.
        seed: of the order.
        progress: show a progress bar.
        comm: processes that share the rows: a communicator of mpi4py, or "world"; None (default): this one alone.  All
            take the same order, and each its rows of every stretch of `batch_size` times the processes.  They have as
            many batches, of the same sizes: where rows lack for that, some of the beginning come a second time.
        collate_fn: makes a batch of a list of samples, `it[i]`; with it the argument may also be a list of samples.
            Default for data sets: `stack`.  See also `pad_sequences`, and `events.Frames.collate`.

    Yields:
        Tuples of numpy arrays, one per array; a single array comes alone.  Of a data set what collate_fn returns.

    Raises:
        ValueError: no arrays, lengths that differ, a batch size below 1, collate_fn with several arrays.
        TypeError: comm is no communicator. ImportError: "world" without mpi4py.
    """

    arrays: list[np.ndarray] = fixed()
    dataset: Any = fixed()
    collate_fn: Callable[[Sequence[Any]], Any] | None = setting(arguments.function, optional=True)
    batch_size, seed, epoch = setting(arguments.size), setting(arguments.size, 0), setting(arguments.size, 0)
    shuffle, drop_last, progress = (setting(arguments.flag) for _ in range(3))

    def __init__(
        self,
        *arrays: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        progress: bool = False,
        collate_fn: Callable[[Sequence[Any]], Any] | None = None,
        comm: Any = None,
    ) -> None:
        if not arrays:
            raise ValueError("DataLoader needs at least one array")
        if collate_fn is not None and len(arrays) > 1:
            raise ValueError(f"collate_fn takes one data set, whose samples may be tuples, not {len(arrays)} arrays")
        self.collate_fn = collate_fn
        if _is_dataset(arrays) or collate_fn is not None:
            self.dataset, self.arrays = arrays[0], []
            if not hasattr(self.dataset, "__getitem__") or not hasattr(self.dataset, "__len__"):
                raise TypeError(f"arrays[0] must be a data set or a list of samples, not {type(arrays[0]).__name__}")
        else:
            self.dataset = None
            self.arrays = [arguments.read(f"arrays[{i}]", a) for i, a in enumerate(arrays)]
            for i, (given, array) in enumerate(zip(arrays, self.arrays)):
                if not array.ndim:
                    raise ValueError(f"arrays[{i}] must have rows, not be one {type(given).__name__} ({shown(given)})")
            lengths = [a.shape[0] for a in self.arrays]
            if len(set(lengths)) != 1:
                raise ValueError(f"arrays have {lengths} rows; expected the same number in each")
        self.batch_size = batch_size
        self.shuffle, self.drop_last, self.progress = shuffle, drop_last, progress
        self.seed = seed
        self.epoch = 0
        self._ranks = Ranks.of(comm)

    def _rows(self) -> int:
        return len(self.arrays[0]) if self.dataset is None else len(self.dataset)

    def __len__(self) -> int:
        rows, stretch = self._rows(), self.batch_size * self._ranks.size
        return rows // stretch if self.drop_last else -(-rows // stretch)

    def __iter__(self) -> Iterator[Any]:
        rows = self._rows()
        order = np.random.default_rng([self.seed, self.epoch]).permutation(rows) if self.shuffle else np.arange(rows)
        if (more := -rows % self._ranks.size) and rows:
            order = np.concatenate([order, np.resize(order, more)])
        order = self._ranks.own(order)
        self.epoch += 1
        batches: Any = range(len(self))
        if self.progress:
            from rich.progress import track

            batches = track(batches, description=f"epoch {self.epoch}")
        for i in batches:
            picked = order[i * self.batch_size : (i + 1) * self.batch_size]
            if self.dataset is not None:
                yield (self.collate_fn or stack)([self.dataset[int(j)] for j in picked])
                continue
            batch = tuple(a[picked] for a in self.arrays)
            yield batch if len(batch) > 1 else batch[0]

    def state_dict(self) -> dict[str, int]:
        """The epoch, which is all that a continued run needs."""
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continues where `state_dict` was taken, at the start of an epoch."""
        if not isinstance(state, Mapping) or "epoch" not in state:
            came = f"{type(state).__name__} ({shown(state)})"
            raise TypeError(f'state must be a dict with "epoch", as state_dict() gives, not {came}')
        self.epoch = arguments.size("epoch", state["epoch"], least=0)


def _fields(samples: Sequence[Any]) -> tuple[list[list[Any]], bool]:
    """The samples' parts, each as a list, and whether the samples are tuples."""
    if not isinstance(samples, Sequence) or isinstance(samples, (str, bytes)) or not len(samples):
        came = f"{type(samples).__name__} ({shown(samples)})"
        raise TypeError(f"samples must be a list of at least one sample, not {came}")
    tuples = isinstance(samples[0], (tuple, list))
    parts = [len(s) if isinstance(s, (tuple, list)) else 0 for s in samples]
    if len(set(parts)) != 1:
        raise ValueError(f"samples must all have the same number of parts, got {shown(sorted(set(parts)))}")
    return [list(part) for part in zip(*samples)] if tuples else [list(samples)], tuples


def _array(value: Any) -> np.ndarray:
    array = np.asarray(unmasked("samples", as_numpy(value)))
    if array.dtype.kind in "iu" and array.size and not -(1 << 31) <= array.min() <= array.max() < 1 << 31:
        raise ValueError(f"samples must fit int32, got whole numbers from {array.min()} to {array.max()}")
    return array if array.dtype.names else array.astype(_narrow(array.dtype), copy=False)


def _narrow(dtype: np.dtype) -> np.dtype:
    """float32 for fractions, int32 for whole numbers."""
    return np.dtype({"f": np.float32, "i": np.int32, "u": np.int32}.get(dtype.kind, dtype))


def _common(arrays: list[np.ndarray]) -> np.dtype:
    """The type that holds all of them: fractions where any has them."""
    return _narrow(np.result_type(*{a.dtype for a in arrays}))


def stack(samples: Sequence[Any]) -> Any:
    """A batch of samples of one shape: each of their parts stacked along a new first axis.

    Args:
        samples: arrays or numbers, or tuples of these, such as (image, label).

    Returns:
        A tuple of arrays (B, ...), or an array if samples are no tuples; fractions as float32, whole numbers as int32.

    Raises:
        TypeError, ValueError: no samples, parts of different shapes, or whole numbers beyond int32.
    """
    fields, tuples = _fields(samples)
    made = []
    for i, field in enumerate(fields):
        arrays = [_array(value) for value in field]
        shapes = {a.shape for a in arrays}
        if len(shapes) > 1:
            raise ValueError(
                f"part {i} of the samples has shapes {shown(sorted(shapes))}; collate_fn=data.pad_sequences pads "
                "sequences, and data.events.Frames makes frames of events"
            )
        made.append(np.stack(arrays).astype(_common(arrays), copy=False))
    return tuple(made) if tuples else made[0]


def pad_sequences(samples: Sequence[Any]) -> tuple[Any, ...]:
    """A batch of sequences of different length, padded by zeros at the end; time is the first axis.

    Args:
        samples: sequences (T_i, ...), or tuples of one and further parts of equal shape, such as (frames, label).

    Returns:
        (sequences (T, B, ...), further parts (B, ...), lengths int32 (B,)); fractions are float32, whole numbers int32.

    Raises:
        TypeError, ValueError: no samples, sequences that differ in more than their length, or whole numbers beyond
            int32.
    """
    fields, _ = _fields(samples)
    sequences = [_array(value) for value in fields[0]]
    if len({a.shape[1:] for a in sequences}) > 1 or any(a.ndim == 0 for a in sequences):
        shapes = shown(sorted({a.shape for a in sequences}))
        raise ValueError(f"sequences have shapes {shapes}; expected (T, ...), where only T may differ")
    lengths = np.array([len(a) for a in sequences], np.int32)
    padded = np.zeros((lengths.max(), len(sequences), *sequences[0].shape[1:]), _common(sequences))
    for i, a in enumerate(sequences):
        padded[: len(a), i] = a
    further = stack([tuple(part) for part in zip(*fields[1:])]) if len(fields) > 1 else ()
    return (padded, *further, lengths)
