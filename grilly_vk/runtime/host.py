"""Calls of the host in the order of the stream: on a device that is the CPU, its BLAS does large products.

To streams, graphs and profiles such a call is a dispatch like any other: a pipeline with programs that read and write
segments.  The host does it between two submits of the device, on the same memory (native/host.hpp).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import devices
from .engine import Engine
from .kernels import Pipeline, Program
from .memory import Segment
from .spirv import Binding, Interface, Scalar

if TYPE_CHECKING:
    from . import kp


class HostPipeline(Pipeline):
    """A kind of call, in a pipeline's place."""

    def _program(
        self, device: kp.Device, tensors: list[Any], reads: frozenset[Segment], writes: frozenset[Segment], groups: int
    ) -> Program:
        return Program(self.name, None, reads, writes, 1, tensors)


class HostCall:
    """A call that native/host.cpp lists, to be called as a `Kernel` is: tensors and numbers by their names.

    Only on engines whose `host_products` is true.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"HostCall({self.name!r})"

    def __call__(self, on: Engine, /, *, work: int, **arguments: Any) -> None:
        """Notes the call.

        Args:
            on: the device.
            work: element-steps, for splitting submits.
            arguments: a tensor for each binding (None for one that is not used), and a number for each other.
        """
        with on.lock:
            key = (self.name, (), on.local)
            pipeline = on.kernels.pipelines.get(key)
            if pipeline is None:
                pipeline = on.kernels.pipelines[key] = HostPipeline(self.name, b"", _interface(self.name), on.local, {})
            given = [arguments[name] for name in pipeline.bindings]
            on.issue(pipeline, [on.control if one is None else one.buffer for one in given], arguments, 1, work)


def _interface(name: str) -> Interface:
    face = next(f for f in devices.native().host_faces() if f.name == name)
    bindings = tuple(Binding(b.name, 4, b.reads, b.writes) for b in face.bindings)
    offsets = tuple(Scalar(b.name + "_at", "I") for b in face.bindings)
    numbers = tuple(Scalar(n, "i") for n in face.numbers) + tuple(Scalar(n, "f") for n in face.factors)
    return Interface(bindings, offsets + numbers, ())
