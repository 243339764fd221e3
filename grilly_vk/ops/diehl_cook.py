"""The network of Diehl & Cook 2015: all steps of many images, with plasticity, in one dispatch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import arguments
from ..runtime.kernel import Kernel, spans
from ..tensor import Tensor, empty
from .layout import width_of

MAX_NEURONS = 8192
_BLOCK = 32  # steps that shaders/include/spike_lists.glsl lists at a time
_SPIKES = 16  # of the input in a step, about: for the cost of a submit
_DISPATCH = 64  # images that one dispatch learns from

_NETWORK = Kernel("snn-diehl-cook", fours=None, cut="x count s", steps="images", first="first")


@dataclass(frozen=True)
class Constants:
    """The network's numbers, per step; potentials are in mV above rest."""

    keep: float  # factor on the potential
    lowest: float
    reset: float
    threshold: float
    inhibition: float
    deaf: int  # steps after a spike
    theta_plus: float
    theta_keep: float  # factor on theta, a presentation
    rate_pre: float
    rate_post: float
    target: float
    w_max: float
    norm: float  # 0: none
    gain: float = 1.0  # probability of a spike at intensity 1
    boost: float = 0.0  # what each further attempt adds to the rates, as a share
    tries: int = 1
    least: int = 0  # spikes that make further attempts needless


def present(
    weight: Tensor,
    theta: Tensor,
    drawn: Tensor,
    fade: Tensor,
    x: Tensor,
    constants: Constants,
    *,
    learn: bool,
    given: bool,
    first: int = 0,
    counts: Tensor,
    spikes: Tensor | None = None,
    done: Callable[[int], None] | None = None,
) -> None:
    """Presents images one after the other; with `learn` it changes weight, theta and drawn in place.

    The spikes of input i at step t of an attempt are those with u < gain * (1 + boost * attempt) * x, u being word
    t % 4 of Philox4x32-10 at the counter (i, t // 4, m, 2 * attempt + learn), as a number in [0, 1).  m counts the
    images that were learned from, or without `learn` the images of this call from `first` on.

    Args:
        weight: (ins, n).
        theta: (n,).
        drawn: uint32 (3,): the random key, and the number of images learned from.
        fade: (2, steps), the pre- and postsynaptic trace's value k steps after a spike; as long as a presentation.
        x: intensities (images, ins), or with `given` spikes (images, steps, ins).
        constants: see there.
        given: whether x holds spikes.
        first: see above.
        counts: result (images, n).
        spikes: result (images, steps, n); None: they are not wanted.
        done: called with the number of images that are done, after each dispatch that was waited for.
    """
    (ins, n), images, steps = weight.shape, x.shape[0], fade.shape[1]  # sizes come from the buffers alone
    for name, tensor, shape in (
        ("theta", theta, (n,)),
        ("drawn", drawn, (3,)),
        ("fade", fade, (2, steps)),
        ("x", x, (images, steps, ins) if given else (images, ins)),
        ("counts", counts, (images, n)),
        ("spikes", spikes, (images, steps, n)),
    ):
        if tensor is not None:
            arguments.shape(name, tensor.shape, shape)
    engine = weight.engine
    wide = width_of(n, weight, theta, counts, *([] if spikes is None else [spikes]))
    groups = 1 if learn else min(images, engine.tuning.images)
    lists = empty((max(1, groups) * ((_BLOCK + 3) * ins + 2 * n),), np.uint32, engine)
    slow = max(1, engine.tuning.idle // max(1, groups))
    effort = steps * (_SPIKES * n + ins) * slow
    for span in spans(engine, images, effort, _DISPATCH * groups):
        _NETWORK(
            w=weight, theta=theta, x=x, count=counts, s=spikes, lists=lists, fade=fade, drawn=drawn, n=n // wide,
            ins=ins, steps=steps, images=span, first=first, vec4=wide == 4, groups=min(groups, span.stop - span.start),
            work=effort, extents={"fade": 2 * steps, "w": ins * n, "theta": n}, PER=-(-n // (wide * engine.local)),
            LEARN=learn, GIVEN=given, RECORD=spikes is not None, **vars(constants),
        )  # fmt: skip
        if done is not None:
            engine.synchronize()
            done(span.stop)
    if learn and images:
        for changed in (weight, theta, drawn):
            changed.version += 1
