"""SNNCompute: embeddings in, spike activity out, in one call."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from . import arguments
from .errors import warn
from .ops import lif_constants as biophysics
from .ops.lif_constants import CHECKS, LIFConstants, constants
from .ops.linear import matmul
from .ops.process import ENCODINGS, HEAD_WORDS, process
from .runtime import engine
from .runtime.engine import Engine
from .runtime.recording import refuse
from .settings import setting
from .tensor import INT32, UINT32, Tensor, empty, from_numpy
from .typing import ArrayLike

_SATURATED = 0.9  # of the highest rate that the refractory time allows
_PIECE = 1 << 24  # spikes simulated at a time
_COPIED = 1 << 20  # bytes of a spike train that the host copies; longer ones are handed out where they lie
_ROOMS = 4  # shapes of input whose memory is kept


class _Room(NamedTuple):
    """What the kernel reads and fills; no spikes where they are too many to be copied for the caller."""

    x: Tensor
    head: Tensor
    spikes: Tensor | None
    total: Tensor
    first: Tensor


class SNNCompute:
    """Turns embeddings into spike activity with a layer of leaky integrate-and-fire neurons.

    Each embedding is scaled to unit RMS and drives the neurons one to one for `timesteps` steps: neuron i gets
    the current ``gain * x_i + bias``.  An embedding that is shorter than the layer is padded with zeros; a
    longer one is folded by a fixed Gaussian random projection (Johnson & Lindenstrauss 1984), made from `seed`.
    An embedding of zeros drives nothing.  Calls of one shape use the same device memory, which is kept for four shapes,
    and replay what the first of them recorded; results are the caller's.

    Args:
        n_neurons: neurons, default 1000.
        timesteps: steps to simulate, default 50.
        encoding: "current": the drive is a constant current.  "poisson": pulses of `pulse` with probability
            drive / pulse per step, so that the mean current is the drive.  "latency": one pulse that makes the
            neuron fire, at step ``round((1 - drive / pulse) * (timesteps - 1))``; none where the drive is 0 or less.
        dt: step in seconds, default 0.001.
        tau_mem: membrane time constant in milliseconds, default 20.0.
        v_thresh: threshold, default 1.0.
        v_rest: resting potential and start, default 0.0.
        v_reset: potential after a spike, default 0.0.
        r_mem: membrane resistance, default 1.0.
        t_refrac: refractory time in milliseconds, default 2.0.
        gain: factor on the scaled embedding, default 1.0.
        bias: current for a coordinate of 0, default 1.5; above threshold, so that average coordinates fire.
        pulse: current of one pulse, and the drive that counts as full strength, default 10.0.
        normalize: scale each embedding to unit RMS, default True.
        seed: of the projection and of the Poisson pulses, default 0.  Calls of one instance draw fresh pulses;
            a new instance with the same seed repeats them bit for bit.

    Raises:
        TypeError, ValueError: an argument is no number or out of range; the message names it.

    Example:
        >>> snn = SNNCompute(n_neurons=512)
        >>> result = snn.process(np.random.randn(512).astype(np.float32))
        >>> result["spike_activity"], result["firing_rate"]

    Source: Grilly's "Spiking Neural Networks", High-level SNN pipeline.
    """

    n_neurons, timesteps = setting(arguments.size), setting(arguments.size)
    encoding, normalize = setting(arguments.choice, ENCODINGS), setting(arguments.flag)
    dt, tau_mem, v_thresh, v_rest, v_reset, r_mem, t_refrac = map(
        setting, {**CHECKS, "r_mem": arguments.positive}.values()
    )
    gain, bias = setting(arguments.real), setting(arguments.real)
    pulse, seed = setting(arguments.positive), setting(arguments.size, 0)

    def __init__(
        self,
        n_neurons: int = 1000,
        timesteps: int = 50,
        encoding: Literal["current", "poisson", "latency"] = "current",
        *,
        dt: float = biophysics.DT,
        tau_mem: float = biophysics.TAU_MEM,
        v_thresh: float = biophysics.V_THRESH,
        v_rest: float = biophysics.V_REST,
        v_reset: float = biophysics.V_RESET,
        r_mem: float = biophysics.R_MEM,
        t_refrac: float = biophysics.T_REFRAC,
        gain: float = 1.0,
        bias: float = 1.5,
        pulse: float = 10.0,
        normalize: bool = True,
        seed: int = 0,
    ) -> None:
        self.n_neurons, self.timesteps, self.encoding = n_neurons, timesteps, encoding
        self.dt, self.tau_mem, self.v_thresh, self.v_rest = dt, tau_mem, v_thresh, v_rest
        self.v_reset, self.r_mem, self.t_refrac = v_reset, r_mem, t_refrac
        self.gain, self.bias, self.pulse, self.normalize, self.seed = gain, bias, pulse, normalize, seed
        self._settle("")
        self._calls = 0
        self._projection: tuple[Any, Tensor] | None = None
        self._rooms: dict[Any, _Room] = {}

    def _settle(self, name: str) -> None:
        """The kernel's constants, for settings that fit each other."""
        found = constants(self.__dict__)
        kick = 0.0
        if self.encoding == "latency":  # fires a resting neuron at once, with room for rounding
            reach = 1.05 * (found.threshold - found.rest) / found.gain
            kick = arguments.real("the pulse that v_thresh, v_rest, r_mem, dt and tau_mem call for", reach)
        self._constants, self._kick = found, kick

    @property
    def constants(self) -> LIFConstants:
        """The numbers that the kernel takes, made of the settings."""
        return self._constants

    def process(self, embedding: ArrayLike) -> dict[str, Any]:
        """Simulates the layer on one embedding (D,), or on each row of a batch (B, D).

        Args:
            embedding: finite real numbers; any array-like.

        Returns:
            A dict; n = n_neurons, T = timesteps, and a batch puts B in front of every shape:

            - spike_activity: spikes in total, float.
            - spikes: (n,) float32, 1 where the neuron fired at least once.
            - firing_rate: mean spikes per neuron and step, float in [0, 1].
            - spike_train: (T, n) float32 of 0 and 1.
            - rates: (n,) float32, spikes per step.
            - first_spike: (n,) int32, step of the first spike, -1 where there is none.
            - dead_fraction: share of neurons that never fired.
            - saturated_fraction: share that fired at 90 % or more of the rate that the refractory time allows.

        Warns:
            RuntimeWarning: no neuron fired for an embedding; its numbers are zeros.

        Raises:
            TypeError: not real numbers.
            ValueError: not one or two axes, empty, or NaN or infinity inside.
            RuntimeError: while a graph is captured.
        """
        refuse("SNNCompute gives its results back as numpy arrays, so it can't be used while a graph is captured")
        given = arguments.numbers_of("embedding", embedding.numpy() if isinstance(embedding, Tensor) else embedding)
        if given.ndim not in (1, 2) or given.size == 0:
            raise ValueError(f"embedding has shape {given.shape}; expected (D,) or (B, D), not empty")
        wrong = int((~np.isfinite(given)).sum())
        if wrong:
            raise ValueError(f"embedding holds {wrong} non-finite numbers")
        x, live = self._scaled(given)
        rows, drives = x.reshape(-1, x.shape[-1]), live.reshape(-1)
        fit = max(1, _PIECE // (self.n_neurons * self.timesteps))
        pieces = [self._simulate(rows[i : i + fit], drives[i : i + fit]) for i in range(0, len(rows), fit)]
        result = pieces[0] if len(pieces) == 1 else {k: np.concatenate([p[k] for p in pieces]) for k in pieces[0]}
        silent = int((result["spike_activity"] == 0).sum())
        if silent:
            warn(
                f"no neuron fired for {silent} of {len(rows)} embeddings: an embedding of zeros, or gain, bias, "
                "v_thresh and timesteps that don't fit together",
                RuntimeWarning,
            )
        return {k: (v[0].item() if v.ndim == 1 else v[0]) for k, v in result.items()} if x.ndim == 1 else result

    def _scaled(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 rows of unit RMS (or as they are), and which rows are not all zeros."""
        wide = given.astype(np.float64)
        most = np.abs(wide).max(axis=-1, keepdims=True)
        live = most[..., 0] > 0
        if not self.normalize:
            return arguments.array("embedding", given), live
        wide /= np.where(most > 0, most, 1.0)  # first to at most 1, so that squares neither overflow nor vanish
        rms = np.sqrt(np.square(wide).mean(axis=-1, keepdims=True))
        return (wide / np.where(rms > 0, rms, 1.0)).astype(np.float32), live

    def _simulate(self, x: np.ndarray, live: np.ndarray) -> dict[str, np.ndarray]:
        on, batch, n, steps = engine(), len(x), self.n_neurons, self.timesteps
        head = np.zeros(HEAD_WORDS + batch, np.uint32)
        head[HEAD_WORDS:] = live.astype(np.float32).view(np.uint32)
        with on.lock:  # for all of it: calls in other threads use the same memory, and pulses of their own
            head[1:5] = self.seed, 0, self._calls & 0xFFFFFFFF, self._calls >> 32
            room = self._room(on, batch, x.shape[1], n, steps)
            on.write([(room.x.buffer, x), (room.head.buffer, head)])
            rows = room.x if x.shape[1] <= n else matmul(room.x, self._fold(on, x.shape[1]))
            spikes = empty((batch, steps, n), on=on) if room.spikes is None else room.spikes
            process(
                rows,
                room.head,
                spikes,
                room.total,
                room.first,
                self._constants,
                encoding=self.encoding,
                gain=self.gain,
                bias=self.bias,
                pulse=self.pulse,
                kick=self._kick,
            )
            counts, first = room.total.numpy(), room.first.numpy()
            train = spikes.share() if room.spikes is None else spikes.numpy()
            self._calls += 1
        activity = counts.sum(axis=1, dtype=np.float64)
        # Who can fire once only is not saturated by doing so.
        most = max(2.0, _SATURATED * -(-steps // (1 + self._constants.hold_steps)))
        return {
            "spike_activity": activity,
            "spikes": (counts > 0).astype(np.float32),
            "firing_rate": activity / (n * steps),
            "spike_train": train,
            "rates": counts / np.float32(steps),
            "first_spike": first,
            "dead_fraction": (counts == 0).mean(axis=1),
            "saturated_fraction": (counts >= most).mean(axis=1),
        }

    def _room(self, on: Engine, batch: int, width: int, n: int, steps: int) -> _Room:
        """Memory for a call, the same for all calls of one shape, so that the recorded first one is replayed."""
        key = on, batch, width, n, steps
        if key not in self._rooms:
            while len(self._rooms) >= _ROOMS:
                del self._rooms[next(iter(self._rooms))]
            small = 4 * batch * steps * n <= _COPIED
            self._rooms[key] = _Room(
                empty((batch, width), on=on),
                empty((HEAD_WORDS + batch,), UINT32, on),
                empty((batch, steps, n), on=on) if small else None,
                empty((batch, n), on=on),
                empty((batch, n), INT32, on),
            )
        return self._rooms[key]

    def __getstate__(self) -> dict[str, Any]:
        """All but what lies on the device, which a copy makes for itself."""
        return {**self.__dict__, "_projection": None, "_rooms": {}}

    def _fold(self, on: Engine, width: int) -> Tensor:
        """The projection (n, width), kept on the device; rows keep unit-RMS input at unit RMS."""
        key = on, self.seed, self.n_neurons, width
        if self._projection is None or self._projection[0] != key:
            matrix = np.random.default_rng(list(key[1:])).standard_normal((self.n_neurons, width), np.float32)
            matrix /= np.float32(np.sqrt(width))
            self._projection = key, from_numpy(matrix)
        return self._projection[1]

    def __repr__(self) -> str:
        return f"SNNCompute(n_neurons={self.n_neurons}, timesteps={self.timesteps}, encoding={self.encoding!r})"
