"""Kernels: SPIR-V on disk, specialised pipelines, and the programs that a stream submits.

A program is one Kompute Algorithm: a kernel with fixed specialization constants, bound segments and group
count.  Kernels index segments by element offsets in push constants, so one program serves every call of the
same shape wherever its tensors lie.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import failures, limits
from .devices import DeviceInfo
from .memory import Buffer, Segment
from .spirv import Interface, Scalar, SpirvError, keeping_special_values, reflect

if TYPE_CHECKING:
    from . import kp

SPIRV = Path(__file__).parent / "spirv"
SUMS = "SHA256SUMS"  # written by the build (shaders/publish.cmake)
COMPILED: dict[str, bytes] = {}  # SPIR-V that was made while the program runs, by kernel name (glsl.py)
_MOST_PARTS = 4096  # of a dispatch: each is a submit with a command buffer


class Program:
    """A dispatch that only lacks its push constants.  `reads` and `writes` are as the validation layer sees them.

    One without an algorithm is a call of the host, on `tensors` (host.py).
    """

    __slots__ = ("_parts", "algorithm", "groups", "kernel", "part", "reads", "tensors", "writes")

    def __init__(
        self,
        kernel: str,
        algorithm: Any,
        reads: frozenset[Segment],
        writes: frozenset[Segment],
        groups: int,
        tensors: list[Any] | None = None,
    ) -> None:
        self.kernel = kernel
        self.algorithm = algorithm
        self.tensors = tensors
        self.reads = reads
        self.writes = writes
        self.groups = groups  # workgroups
        self.part: tuple[int, int] | None = None  # (the first, how many), if not all run
        self._parts: dict[int, list[Program]] = {}

    def parts(self, count: int) -> list[Program]:
        """Programs that together do the same, each with about as many of the workgroups; at most `count`."""
        size = -(-self.groups // max(1, min(count, _MOST_PARTS)))
        found = self._parts.get(size)
        if found is None:
            found = []
            for first in range(0, self.groups, size):
                one = Program(self.kernel, self.algorithm, self.reads, self.writes, self.groups)
                one.part = (first, min(size, self.groups - first))
                found.append(one)
            if len(self._parts) > 8:
                self._parts.clear()
            self._parts[size] = found
        return found


class Pipeline:
    """A kernel with its specialization constants set; makes and keeps its programs."""

    def __init__(self, name: str, code: bytes, face: Interface, local: int, specs: Mapping[str, float]) -> None:
        self.name = name
        self.code = code
        self.local = local
        self.bindings = tuple(b.name for b in face.bindings)
        self._face = face
        self.programs: dict[tuple[tuple[Segment, ...], int], Program] = {}
        self._spec_values = [_spec_bits(s, specs, local) for s in face.specs]
        self._pack = struct.Struct("<" + "".join(s.kind for s in face.push)).pack
        strides = {b.name + "_at": (b.name, b.stride) for b in face.bindings}
        # (binding or own name, stride); stride 0: a plain argument
        self._slots = tuple(strides.get(s.name, (s.name, 0)) for s in face.push)
        # (word of the push constants, binding, stride) of each offset
        self._offsets = [(i, self.bindings.index(name), s) for i, (name, s) in enumerate(self._slots) if s]
        plain = tuple(name for name, stride in self._slots if not stride)
        self.strides = tuple(b.stride for b in face.bindings)
        self.wide = any(stride > 4 for stride in self.strides)
        # Nearly every kernel has its offsets first, in the order of the bindings, and then the rest.
        ordered = list(self._slots[: len(self.bindings)])
        in_order = ordered == list(zip(self.bindings, self.strides)) and len(plain) > 1
        self._take = itemgetter(*plain) if in_order else None
        self.draws = any(s.name == "draw" for s in face.push)  # wants random numbers

    @property
    def interface(self) -> Interface:
        """What the shader declares."""
        return self._face

    def pack(self, offsets: Sequence[int], arguments: Mapping[str, float]) -> bytes:
        """The push constants of one call: where the buffers begin, in the order and units of `bindings`, and numbers.

        Raises:
            ValueError: a number that its constant can't hold.
        """
        try:
            if self._take is not None:
                return self._pack(*offsets, *self._take(arguments))
            offset = dict(zip(self.bindings, offsets))
            return self._pack(*[offset[name] if stride else arguments[name] for name, stride in self._slots])
        except (struct.error, OverflowError) as error:
            raise self._refused(arguments) or error from None

    def _refused(self, arguments: Mapping[str, Any]) -> ValueError | None:
        """What to say of the first number that can't be packed."""
        for scalar, (name, stride) in zip(self._face.push, self._slots):
            if stride:
                continue
            try:
                struct.pack("<" + scalar.kind, arguments[name])
            except (struct.error, OverflowError):
                kind = {"f": "float32", "i": "int32", "I": "uint32"}.get(scalar.kind, scalar.kind)
                return ValueError(f"kernel {self.name!r} takes {name} as {kind}, got {arguments[name]!r}")
        return None

    def moved(self, push: bytes, by: Sequence[int]) -> bytes:
        """Push constants for buffers that lie so many bytes later than those they were packed for."""
        words = np.frombuffer(push, np.uint32).copy()
        for word, binding, stride in self._offsets:
            words[word] += by[binding] // stride
        return words.tobytes()

    def aligned(self, buffers: Sequence[Buffer]) -> None:
        """Raises ValueError where a part of a tensor starts inside one of the kernel's wide elements."""
        for name, buffer, stride in zip(self.bindings, buffers, self.strides):
            if buffer.offset % stride:
                raise ValueError(
                    f"kernel {self.name!r} takes {name} in units of {stride} bytes, and this part starts at byte "
                    f"{buffer.offset} of its segment"
                )

    def check(self, device: kp.Device, segments: Sequence[Segment]) -> None:
        """Raises ValueError where memory is another device's."""
        if any(s.owner is not device for s in segments):
            raise ValueError(f"kernel {self.name!r} was given tensors of different devices; see set_device()")

    def program(self, device: kp.Device, segments: tuple[Segment, ...], groups: int) -> Program:
        """The program for these segments and that many workgroups, made at its first use.

        Raises:
            ValueError: memory of another device.
            RuntimeError: a tensor without memory, from a capture that has not ended well.
            OutOfDeviceMemory, DeviceError: the driver can't make the pipeline.
        """
        key = (segments, groups)
        found = self.programs.get(key)
        if found is None:
            self.check(device, segments)
            for segment in segments:
                segment.check()
            tensors = [s.tensor for s in segments]
            pairs = list(zip(segments, self._face.bindings))
            reads, writes = (frozenset(s for s, b in pairs if getattr(b, use)) for use in ("reads", "writes"))
            found = self.programs[key] = self._program(device, tensors, reads, writes, groups)
        return found

    def _program(
        self, device: kp.Device, tensors: list[Any], reads: frozenset[Segment], writes: frozenset[Segment], groups: int
    ) -> Program:
        from . import kp

        specs = np.array(self._spec_values, np.uint32).tobytes()
        with failures.of(f"kernel {self.name!r} can't be made ready"):
            algorithm = kp.Algorithm(device, tensors, self.code, (groups, 1, 1), specs, len(self._face.push))
        return Program(self.name, algorithm, reads, writes, groups)

    def forget(self, unwanted: Callable[[Program], bool]) -> None:
        """Drops the programs that `unwanted` names."""
        for key in [k for k, p in self.programs.items() if unwanted(p)]:
            del self.programs[key]


def _spec_bits(spec: Scalar, given: Mapping[str, float], local: int) -> int:
    if spec.name == "LOCAL":
        return local
    if spec.name not in given:
        return spec.default
    value = given[spec.name]
    return int(struct.unpack("<I", struct.pack("<" + spec.kind, value))[0])


class Kernels:
    """All kernels by name, each read once, and their pipelines, none of which asks for more than the device has."""

    def __init__(self, folder: Path = SPIRV, info: DeviceInfo | None = None, *, float_controls: bool = False) -> None:
        self.folder = folder
        self.info = info  # the device whose limits hold
        self.float_controls = float_controls  # whether it keeps special values when a module says so
        self._modules: dict[str, tuple[bytes, Interface]] = {}
        self._sums: dict[str, str] | None = None  # by file name
        self.pipelines: dict[tuple[str, tuple[tuple[str, float], ...], int], Pipeline] = {}
        self.faces: dict[Any, Any] = {}  # of declared kernels (kernel.py)

    def names(self) -> list[str]:
        """The kernels that the build made."""
        return sorted(p.name[: -len(".spv")] for p in self.folder.glob("*.spv"))

    def module(self, name: str) -> tuple[bytes, Interface]:
        """SPIR-V and interface of a kernel.

        Raises:
            SpirvError: missing, unreadable or damaged file.
        """
        found = self._modules.get(name)
        if found is None and name in COMPILED:
            found = self._modules[name] = (COMPILED[name], reflect(COMPILED[name], name))
        if found is None:
            path = self.folder / f"{name}.spv"
            try:
                code = path.read_bytes()
            except OSError as error:
                raise SpirvError(f"kernel {name!r} can't be read ({error}); rebuild the package") from error
            face = reflect(code, path.name)
            self._verify(path.name, code)
            found = self._modules[name] = (code, face)
        return found

    def has(self, name: str) -> bool:
        """Whether the build made a kernel of that name, or it was compiled since."""
        return name in COMPILED or f"{name}.spv" in self._digests()

    def _verify(self, file: str, code: bytes) -> None:
        """Drivers crash on damaged SPIR-V, so every bit must be as the build left it."""
        if self._digests().get(file) != hashlib.sha256(code).hexdigest():
            self._sums = None  # a rebuild may be what comes next
            raise SpirvError(f"{file}: the module is damaged (its checksum is not the build's); rebuild the package")

    def _digests(self) -> dict[str, str]:
        """The build's checksums, by file."""
        if self._sums is None:
            try:
                lines = (self.folder / SUMS).read_text().split("\n")
            except OSError as error:
                raise SpirvError(f"the kernels' checksums can't be read ({error}); rebuild the package") from error
            self._sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        return self._sums

    def pipeline(self, name: str, specs: tuple[tuple[str, float], ...], local: int) -> Pipeline:
        """The kernel specialised by `specs`, pairs of constant name and value.

        Raises:
            DeviceError: the device's limits are too low for it.
        """
        key = (name, specs, local)
        found = self.pipelines.get(key)
        if found is None:
            code, face = self.module(name)
            unknown = {n for n, _ in specs} - {s.name for s in face.specs}
            if unknown:
                raise SpirvError(f"kernel {name!r} has no specialization constant {sorted(unknown)}")
            if self.info is not None:
                limits.check(name, code, face, local, dict(specs), self.info)
            if self.float_controls:
                code = keeping_special_values(code)
            found = self.pipelines[key] = Pipeline(name, code, face, local, dict(specs))
        return found
