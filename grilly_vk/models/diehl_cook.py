"""DiehlCook: digits learned without labels by spike-timing-dependent plasticity (Diehl & Cook 2015)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from .. import arguments, host_random
from ..nn.module import Buffer, Module
from ..ops import diehl_cook as ops
from ..runtime.recording import called
from ..settings import fixed, setting
from ..tensor import Tensor, empty, from_numpy
from ..typing import ArrayLike
from . import voting

_UPLOAD = 2048  # images that go to the device at a time


def _neurons(name: str, value: Any) -> int:
    if arguments.size(name, value) > ops.MAX_NEURONS:
        raise ValueError(f"{name} must be at most {ops.MAX_NEURONS}, got {value}")
    return int(value)


class DiehlCook(Module):
    """A layer of spiking neurons that compete for images and learn them, one presentation at a time.

    Every pixel is a Poisson input that fires at up to `max_rate` hertz.  At each step, in this order:

    1. the potential leaks, ``v = v_rest + (v - v_rest) * exp(-1000 * dt / tau_mem)``; unless the neuron fired within
       `t_refrac`, it takes the weights of the inputs that fire, and loses `inhibition` if another neuron fired the step
       before; it does not fall below `v_low`;
    2. the neuron furthest above ``v_thresh + theta`` fires (the first of equals; nobody if none is): ``v = v_reset``,
       ``theta += theta_plus``;
    3. inputs that fire lower their weights to the neurons that fired at an earlier step, by ``a_pre * x_post``; the
       neuron that fires changes its weights by ``a_post * (x_pre - x_target)``; both stay within [0, w_max].

    Traces x are set to 1 by a spike and decay with `tau_pre` and `tau_post`; theta decays with `tau_theta`.  After each
    presentation the weights of the neurons that fired are scaled to the sum `norm`, and potentials and traces start
    afresh.  An image that makes fewer than `min_spikes` spikes is presented again, each time with max_rate / 2 more,
    `tries` times at most.  With learn=False neither weights nor theta change.

    Against the paper: synapses are currents and not conductances (`v_low` is its inhibitory reversal potential), the
    inhibitory neurons are left out and their effect comes a step later, potentials start at rest instead of resting
    150 ms, and STDP is the rule with two traces.  docs/plastic_networks.md compares the constants.

    Args:
        n_input: pixels, default 784.
        n_neurons: neurons, 1 to 8192, default 400.
        T: steps of a presentation, default 250.
        dt: length of a step in seconds, default 0.001.
        v_rest, v_reset, v_thresh, v_low: potentials in mV, default -65, -65, -52 and -100.
        tau_mem: membrane time constant in ms, default 100.
        t_refrac: refractory time in ms, default 5; the nearest number of steps, a half upwards.
        inhibition: in mV, default 60.
        theta_plus: rise of the threshold at a spike in mV, default 0.4: fit for 400 neurons and some thousand images.
        tau_theta: in ms, default 1e7.
        a_pre, a_post: amplitudes of depression and potentiation, default 1e-4 and 1e-2.
        tau_pre, tau_post: time constants of the traces in ms, default 20.
        x_target: default 0.
        w_max: upper bound of weights when they change, default 1.
        norm: sum of a neuron's weights; None (default): n_input / 10; 0: no scaling.
        max_rate: rate of a white pixel in hertz, default 63.75.
        min_spikes: default 5.
        tries: presentations of an image at most, default 8.
        n_classes: classes that labels distinguish, default 10.
        seed: of weights and spikes; None (default) draws one from the generator that `grilly_vk.manual_seed` sets.

    Attributes:
        weight: (n_input, n_neurons).  They start uniform, scaled to `norm`.
        theta: (n_neurons,), rise of the thresholds in mV.
        rates: (n_neurons, n_classes), mean spike count in the labelled images of each class; 0 before.
        drawn: uint32 (3,), the key of the random spikes and the number of images learned from.

    All four are buffers: a network that is saved and loaded goes on learning with the same bits.

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: Diehl & Cook, "Unsupervised learning of digit recognition using spike-timing-dependent plasticity",
    Frontiers in Computational Neuroscience 9:99 (2015), section 2, and the constants of the code published with it.
    """

    n_input, n_neurons = fixed(arguments.size), fixed(_neurons)
    n_classes = fixed(arguments.size)
    T, tries = setting(arguments.size), setting(arguments.size)
    min_spikes = setting(lambda name, value: arguments.size(name, value, 0))
    dt, tau_mem, tau_theta, tau_pre, tau_post, w_max, max_rate = (setting(arguments.positive) for _ in range(7))
    v_rest, v_reset, v_thresh, v_low, x_target = (setting(arguments.real) for _ in range(5))
    t_refrac, inhibition, theta_plus, a_pre, a_post, norm = (setting(arguments.non_negative) for _ in range(6))
    weight: Tensor
    theta: Tensor
    rates: Tensor
    drawn: Tensor
    _shown = ("n_input", "n_neurons", "T", "dt")

    def __init__(
        self,
        n_input: int = 784,
        n_neurons: int = 400,
        T: int = 250,
        dt: float = 0.001,
        *,
        v_rest: float = -65.0,
        v_reset: float = -65.0,
        v_thresh: float = -52.0,
        v_low: float = -100.0,
        tau_mem: float = 100.0,
        t_refrac: float = 5.0,
        inhibition: float = 60.0,
        theta_plus: float = 0.4,
        tau_theta: float = 1e7,
        a_pre: float = 1e-4,
        a_post: float = 1e-2,
        tau_pre: float = 20.0,
        tau_post: float = 20.0,
        x_target: float = 0.0,
        w_max: float = 1.0,
        norm: float | None = None,
        max_rate: float = 63.75,
        min_spikes: int = 5,
        tries: int = 8,
        n_classes: int = 10,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.n_input, self.n_neurons = n_input, n_neurons
        self.T, self.dt = T, dt
        self.v_rest, self.v_reset, self.v_thresh, self.v_low = v_rest, v_reset, v_thresh, v_low
        self.tau_mem, self.tau_theta, self.tau_pre, self.tau_post = tau_mem, tau_theta, tau_pre, tau_post
        self.t_refrac, self.inhibition, self.theta_plus = t_refrac, inhibition, theta_plus
        self.a_pre, self.a_post, self.x_target, self.w_max = a_pre, a_post, x_target, w_max
        self.norm = self.n_input / 10 if norm is None else norm
        self.max_rate, self.min_spikes, self.tries, self.n_classes = max_rate, min_spikes, tries, n_classes
        self._settle("")
        drawn = int(host_random.generator().integers(1 << 62)) if seed is None else arguments.size("seed", seed, 0)
        start = np.random.default_rng(drawn).random((self.n_input, self.n_neurons), np.float32)
        start *= (self.norm or self.n_input / 10) / start.sum(0, dtype=np.float64)
        key = np.random.SeedSequence(drawn).generate_state(3)
        key[2] = 0
        self.weight = Buffer(start)
        self.theta = Buffer(np.zeros(self.n_neurons, np.float32))
        self.rates = Buffer(np.zeros((self.n_neurons, self.n_classes), np.float32))
        self.drawn = Buffer(key.astype(np.uint32))
        self.__dict__["_fades"] = {}

    def _settle(self, name: str) -> None:
        """Settings that must fit each other."""
        if not self.v_low <= min(self.v_rest, self.v_reset):
            raise ValueError(
                f"v_low ({self.v_low}) must not be above v_rest ({self.v_rest}) and v_reset ({self.v_reset})"
            )
        if not max(self.v_rest, self.v_reset) < self.v_thresh:
            raise ValueError(
                f"v_thresh ({self.v_thresh}) must be above v_rest ({self.v_rest}) and v_reset ({self.v_reset})"
            )
        arguments.between("t_refrac", self.t_refrac, 0.0, 1e9 * self.dt)

    def _fade(self, steps: int) -> Tensor:
        """What is left of the traces 0 .. steps - 1 steps after a spike, (2, steps); kept for the last settings."""
        key = (steps, self.dt, self.tau_pre, self.tau_post)
        if key not in self._fades:
            current = self.weight.engine
            with current.lock, current.outside_capture():
                after = -1000.0 * self.dt * np.arange(steps)
                made = from_numpy(np.exp([after / self.tau_pre, after / self.tau_post]).astype(np.float32))
            self.__dict__["_fades"] = {key: made}
        return self._fades[key]

    def _tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights, theta and the random key, of the shapes that they were made in."""
        n = self.n_neurons
        for name, shape in (("weight", (self.n_input, n)), ("theta", (n,)), ("drawn", (3,))):
            arguments.shape(name, getattr(self, name).shape, shape)
        return self.weight, self.theta, self.drawn

    def _constants(self, steps: int, given: bool) -> ops.Constants:
        ms = 1000.0 * self.dt
        return ops.Constants(
            keep=math.exp(-ms / self.tau_mem),
            lowest=self.v_low - self.v_rest,
            reset=self.v_reset - self.v_rest,
            threshold=self.v_thresh - self.v_rest,
            inhibition=self.inhibition,
            deaf=arguments.nearest(self.t_refrac / ms),
            theta_plus=self.theta_plus,
            theta_keep=math.exp(-ms * steps / self.tau_theta),
            rate_pre=self.a_pre,
            rate_post=self.a_post,
            target=self.x_target,
            w_max=self.w_max,
            norm=self.norm,
            gain=self.max_rate * self.dt,
            boost=0.0 if given else 0.5,
            tries=1 if given else self.tries,
            least=0 if given else self.min_spikes,
        )

    # ---- presenting ----

    def forward(self, images: ArrayLike) -> Tensor:
        """`present` with learn=self.training."""
        return self.present(images, learn=self.training)

    def present(
        self, images: ArrayLike, learn: bool = True, *, progress: Callable[[int, int], None] | None = None
    ) -> Tensor:
        """Presents images one after the other.

        Args:
            images: (N, n_input) or (N, height, width), or one image: uint8 from 0 to 255, or intensities in [0, 1].
                A Tensor on the device must hold float32 intensities; those are not looked at, and below 0 and NaN
                count as 0.
            learn: whether the network learns from them, default True.
            progress: called with (images done, N) now and then.

        Returns:
            Spike counts of the (last) presentation of each image, (N, n_neurons).

        Raises:
            TypeError, ValueError: images of the wrong type or size.
        """
        learn = arguments.flag("learn", learn)
        called(self)
        given = self._images(images)
        total = given.shape[0]
        counts = empty((total, self.n_neurons))
        constants, tables = self._constants(self.T, given=False), (*self._tables(), self._fade(self.T))
        for start in range(0, total, _UPLOAD):
            stop = min(total, start + _UPLOAD)
            ops.present(
                *tables,
                given._rows(start, stop) if isinstance(given, Tensor) else from_numpy(_intensities(given[start:stop])),
                constants,
                learn=learn,
                given=False,
                first=start,
                counts=counts._rows(start, stop),
                done=None if progress is None else _counted(progress, start, total),
            )
        return counts

    def present_spikes(self, spikes: ArrayLike, learn: bool = True) -> Tensor:
        """Presents given input spikes, whatever number of spikes they make, once each.

        Args:
            spikes: (T, n_input), or several presentations (N, T, n_input); anything but 0 is a spike.  T is free.
            learn: whether the network learns from them, default True.

        Returns:
            The neurons' spikes, (T, n_neurons) or (N, T, n_neurons).

        Raises:
            TypeError, ValueError: spikes of the wrong type or size.
        """
        learn = arguments.flag("learn", learn)
        called(self)
        given = arguments.tensor("spikes", spikes)
        if given.ndim not in (2, 3) or given.shape[-1] != self.n_input:
            raise ValueError(f"spikes has shape {given.shape}; expected (T, {self.n_input}) or (N, T, {self.n_input})")
        trains = given.reshape((1, *given.shape)) if given.ndim == 2 else given
        total, steps = trains.shape[:2]
        out = empty((total, steps, self.n_neurons))
        if steps:
            ops.present(
                *self._tables(),
                self._fade(steps),
                trains,
                self._constants(steps, given=True),
                learn=learn,
                given=True,
                counts=empty((total, self.n_neurons)),
                spikes=out,
            )
        return out.reshape((*given.shape[:-1], self.n_neurons)).as_spikes()

    def _images(self, images: Any) -> np.ndarray | Tensor:
        """(N, n_input), on the device or as uint8, or as float32 in [0, 1]."""
        given = (
            arguments.tensor("images", images) if isinstance(images, Tensor) else arguments.numbers_of("images", images)
        )
        shape = given.shape
        if math.prod(shape[1:]) != self.n_input:
            if not shape or math.prod(shape) != self.n_input:
                raise ValueError(f"images has shape {shape}; expected N images of {self.n_input} pixels")
            shape = (1, self.n_input)  # one image
        whole = (shape[0], self.n_input)
        if isinstance(given, Tensor):
            return given.reshape(whole)
        if given.dtype.kind in "iu" and given.dtype != np.uint8:
            raise TypeError(f"images must be uint8, or floats in [0, 1], not {given.dtype}")
        if given.dtype != np.uint8:
            given = arguments.array("images", given)
            if given.size and not (given.min() >= 0.0 and given.max() <= 1.0):  # and no NaN
                raise ValueError(f"images must lie in [0, 1], got {given.min()}..{given.max()}; divide by the largest")
        return np.asarray(given).reshape(whole)

    # ---- labels ----

    def fit(
        self, images: ArrayLike, labels: ArrayLike | None = None, *, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """Learns from images in their order, once each; with labels, says afterwards which neuron stands for what.

        The labels have no part in learning.  Neurons are labelled by their responses to the second half of the
        images, while they learned; `assign_labels` presents images to the network as it is now.

        Args:
            images: as for `present`.
            labels: classes (N,) of the images; None (default): none are known.
            progress: called with (images done, N) now and then.

        Returns:
            Spike counts, float32 (N, n_neurons).

        Raises:
            TypeError, ValueError: images or labels of the wrong type or size; nothing was learned.
        """
        given = self._images(images)
        known = None if labels is None else voting.classes("labels", labels, given.shape[0], self.n_classes)
        counts = self.present(given, progress=progress).numpy()
        if known is not None:
            half = len(known) // 2
            self.assign_labels(counts[half:], known[half:], counts=True)
        return counts

    def assign_labels(self, images: ArrayLike, labels: ArrayLike, *, counts: bool = False) -> np.ndarray:
        """Gives each neuron the class that it fires most for.

        Args:
            images: as for `present`, presented without learning; with counts=True spike counts (N, n_neurons).
            labels: their classes (N,), whole numbers below n_classes.
            counts: default False.

        Returns:
            The neurons' classes, see `labels`.

        Raises:
            TypeError, ValueError: images or labels of the wrong type or size; nothing has changed.
        """
        known = voting.classes("labels", labels, self._count(images, counts), self.n_classes)
        self.rates.assign(voting.class_rates(self._responses(images, counts), known, self.n_classes))
        return self.labels

    @property
    def labels(self) -> np.ndarray:
        """The class that each neuron stands for, int64 (n_neurons,); -1 where it has none."""
        return voting.preferred(self.rates.numpy())

    def predict(
        self, images: ArrayLike, *, method: Literal["mean", "proportion"] = "mean", counts: bool = False
    ) -> np.ndarray:
        """The class of each image; the network does not change, and the same images give the same answer.

        Args:
            images: as for `present`; with counts=True spike counts (N, n_neurons).
            method: "mean" (default): the class whose neurons fire most on average.  "proportion": every neuron
                votes for each class in proportion to its responses to the labelled images of it.
            counts: default False.

        Returns:
            int64 (N,); -1 for an image that no labelled neuron fired for.

        Raises:
            RuntimeError: no labels have been assigned.
            TypeError, ValueError: arguments of the wrong type or size.
        """
        method = arguments.choice("method", method, voting.METHODS)
        rates = self.rates.numpy()
        if not rates.any():
            raise RuntimeError("no neuron has a label; call fit(images, labels) or assign_labels(images, labels) first")
        return voting.winners(voting.scores(self._responses(images, counts), rates, method))

    def score(
        self,
        images: ArrayLike,
        labels: ArrayLike,
        *,
        method: Literal["mean", "proportion"] = "mean",
        counts: bool = False,
    ) -> float:
        """Share of the images whose class `predict` gives; raises as it does."""
        known = voting.classes("labels", labels, self._count(images, counts), self.n_classes)
        if not len(known):
            raise ValueError("images is empty; a score needs at least one")
        return float((self.predict(images, method=method, counts=counts) == known).mean())

    def _count(self, images: Any, counts: bool) -> int:
        return int((self._counts(images) if arguments.flag("counts", counts) else self._images(images)).shape[0])

    def _responses(self, images: Any, counts: bool) -> np.ndarray:
        return self._counts(images) if counts else self.present(images, learn=False).numpy()

    def _counts(self, counts: Any) -> np.ndarray:
        given = counts.numpy() if isinstance(counts, Tensor) else arguments.array("counts", counts)
        arguments.shape("counts", given.shape, ("N", self.n_neurons))
        return np.asarray(given)

    # ---- looking at it ----

    def weight_map(self, shape: tuple[int, int] | None = None, columns: int | None = None) -> np.ndarray:
        """Every neuron's weights as a picture, side by side in rows.

        Args:
            shape: (height, width) of an image; None (default): a square.
            columns: pictures in a row; None (default): as many as make a square.

        Returns:
            float32 (rows * height, columns * width); 0 where no neuron is left.

        Raises:
            ValueError: a shape of another number of pixels, or none given and n_input is no square.
        """
        side = math.isqrt(self.n_input)
        high, wide = (side, side) if shape is None else (arguments.size("shape", size) for size in shape)
        if high * wide != self.n_input:
            raise ValueError(f"shape {(high, wide)} has {high * wide} pixels; the network has {self.n_input} inputs")
        across = math.isqrt(self.n_neurons - 1) + 1 if columns is None else arguments.size("columns", columns)
        down = -(-self.n_neurons // across)
        fields = np.zeros((down * across, high, wide), np.float32)
        fields[: self.n_neurons] = self.weight.numpy().T.reshape(-1, high, wide)
        return fields.reshape(down, across, high, wide).swapaxes(1, 2).reshape(down * high, across * wide)


def _counted(progress: Callable[[int, int], None], start: int, total: int) -> Callable[[int], None]:
    arguments.function("progress", progress)
    return lambda done: progress(start + done, total)


def _intensities(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / np.float32(255) if images.dtype == np.uint8 else images
