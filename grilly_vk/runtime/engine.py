"""The engine: one opened device with its memory, kernels and stream.  The only door to Kompute."""

from __future__ import annotations

import functools
import logging
import operator
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import DeviceError, OutOfDeviceMemory
from . import blas as blas_library
from . import debug, devices, failures, limits, pipeline_cache
from .captured import Capture
from .config import Config
from .draws import Draws
from .kernels import SPIRV, Kernels, Pipeline, Program
from .leaving import leaving
from .matrices import MatrixUnits
from .memory import Arena, Block, Buffer, Part, Pool, Segment, readable
from .stream import Entry, Stream
from .tuning import Tuning, tuning_for

log = logging.getLogger("grilly_vk")
opened: weakref.WeakSet[Engine] = weakref.WeakSet()  # every engine that lives
_CONTROL_WORDS = 64
_LEAST_PIECE = 1 << 16  # bytes of staging memory without which nothing can be read


class Window:
    """Lets numpy see a buffer's memory, and keeps the buffer alive while an array does."""

    __slots__ = ("__array_interface__", "buffer")

    def __init__(self, buffer: Buffer | Part, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.buffer = buffer
        address = buffer.words().__array_interface__["data"][0]
        self.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": (address, False), "version": 3}


class Engine:
    """An opened Vulkan device.

    Every public method may be called from any thread.  Arrays go in and come out as contiguous numpy arrays
    of 4-byte elements.

    Args:
        info: the device, from `devices.choose`.
        config: the environment switches.
        tuning: what kernels should be like; None (default): what suits the device.

    Raises:
        DeviceError: the device can't be opened, or offers less than some kernel needs.
    """

    def __init__(self, info: devices.DeviceInfo, config: Config, tuning: Tuning | None = None) -> None:
        self.info = info
        self.config = config
        self.tuning = tuning or tuning_for(info)
        self.lock = threading.RLock()
        self.dead: str | None = None
        self.local = self.tuning.local
        self._segments_made = 0
        limits.check_all(SPIRV, info, self.local, lanes=self.tuning.lanes)
        self.device = _open(info, config)
        if config.pipeline_cache:
            pipeline_cache.save_at_end(self, self.device, info)
        self.host_visible = config.memory != "storage" and (
            config.memory == "host" or (info.type in ("cpu", "integrated") and info.heap_for(host=True) > 0)
        )
        taken = {f.name for f in self.device.features if f.taken}
        self._integers = "64-bit integers" in taken
        self.kernels = Kernels(info=info, float_controls="float controls" in taken)
        self.matrices = MatrixUnits(info, self.kernels, taken, self.local)
        self._pools: list[Pool] = []
        self._control = self._segment(_CONTROL_WORDS * 4, host=True)
        assert self._control.words is not None
        self.draws = Draws(self, self._control)
        blas = blas_library.found() if info.type == "cpu" and self.host_visible else None
        self.blas = blas  # for products, or None
        self.host_products = blas is not None and config.host_blas  # whether large ones are the host's; may be set
        host = functools.cache(functools.partial(_host, blas))
        self.stream = Stream(self.device, self.draws.marker, host, self.tuning.work, self.tuning.first_work)
        self.memory = self._pool(host=self.host_visible)
        self.staging = self.memory if self.host_visible else self._pool(host=True)
        size = _CONTROL_WORDS * 4
        # The control block (random key and base), for kernels that draw random numbers; never given back.
        self.control = Buffer(Block(self._control, 0, size), 0, size, None)
        self.guards = None
        if config.debug:
            issuing = self.launch, self.stream.finish, self.outside_capture
            self.guards = debug.Guards(self.memory, self.control, *issuing, self.staging.alloc)
        self.draws.seed(int.from_bytes(os.urandom(8), "little"))
        log.info(
            "grilly_vk runs on %s, %s memory, large products by %s, with %s",
            info,
            "host-visible" if self.host_visible else "device-local",
            blas if self.host_products else "kernels",
            ", ".join(f.name for f in self.device.features if f.name in taken) or "no optional feature",
        )
        opened.add(self)

    def __copy__(self) -> Engine:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Engine:
        """The device itself: what is copied lies on the same one."""
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("an opened device can't be pickled, and neither can what lies on it")

    @property
    def eights(self) -> bool:
        """Whether kernels take their variant of eight numbers a load."""
        return self._integers and self.tuning.eights

    # ---- memory ----

    def alloc(self, nbytes: int) -> Buffer:
        """Uninitialised device memory (in the debug mode: NaN)."""
        with self.lock:
            if self.dead is not None or self.stream.lost is not None:
                self.check()
            return self.memory.alloc(nbytes)

    def upload(self, array: np.ndarray) -> Buffer:
        """A new buffer with the contents of `array`."""
        with self.lock:
            if self.dead is not None or self.stream.lost is not None:
                self.check()
            if self.host_visible:
                buffer = self.memory.alloc(array.nbytes, clean=True)
                _fill(buffer, array)
                return buffer
            with self.outside_capture():
                buffer = self.memory.alloc(array.nbytes)
                flat = array.reshape(-1).view(np.uint32)
                for at, staged in self._staged(flat.nbytes, clean=True):
                    _fill(staged, flat[at // 4 : (at + staged.nbytes) // 4])
                    self._copy(staged, _part(buffer, at, staged.nbytes), staged.nbytes)
            return buffer

    def write(self, changes: Sequence[tuple[Buffer | Part, np.ndarray]]) -> None:
        """Replaces the contents of live buffers, after the work that was issued before."""
        with self.lock:
            if self.dead is not None or self.stream.lost is not None:
                self.check()
            if self.stream.capture is not None:
                raise RuntimeError("a tensor can't be written by the host while a graph is captured")
            if self.host_visible:
                self.stream.finish()
            for buffer, array in changes:
                if self.host_visible:
                    _fill(buffer, array)
                else:
                    self._stage(buffer, array)

    def duplicate(self, buffer: Buffer | Part, nbytes: int) -> Buffer:
        """A new buffer that the host copies as many bytes into as are asked for, where it sees the memory."""
        with self.lock:
            self.wait()
            out = self.memory.alloc(nbytes, clean=True)
            out.words()[:] = buffer.words()[: (nbytes + 3) // 4]
            return out

    def read(self, buffer: Buffer | Part, out: np.ndarray) -> np.ndarray:
        """Copies the buffer into `out` once all issued work is done."""
        with self.lock:
            self.wait()
            flat = out.reshape(-1).view(np.uint32)
            if self.host_visible:
                flat[:] = buffer.words()[: flat.size]
                return out
            for at, staged in self._staged(flat.nbytes):
                self._copy(_part(buffer, at, staged.nbytes), staged, staged.nbytes)
                self.stream.finish()
                flat[at // 4 : (at + staged.nbytes) // 4] = staged.words()
            return out

    def share(self, buffer: Buffer | Part, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """The buffer as a numpy array: the memory itself where the host sees it, else a copy."""
        if not self.host_visible or not np.prod(shape):
            return self.read(buffer, np.empty(shape, dtype))
        with self.lock:
            self.wait()
            root: Any = buffer
            while isinstance(root, Part):
                root = root.parent
            root.pinned = True
            return np.asarray(Window(buffer, shape, dtype))

    def memory_stats(self) -> dict[str, int]:
        """Bytes and counts; see `grilly_vk.memory_stats`."""
        with self.lock:
            pools = self._pools
            for pool in pools:
                pool.collect()
            return {
                "bytes_in_use": sum(p.in_use for p in pools),
                "bytes_peak": sum(p.peak for p in pools),
                "bytes_reserved": sum(p.reserved for p in pools),
                "bytes_budget": self._budget(self.info.memory_heap(host=self.host_visible)),
                "segments": sum(len(p.segments) for p in pools),
                "allocations": sum(p.allocations for p in pools),
                "programs": sum(len(p.programs) for p in self.kernels.pipelines.values()),
                "submits": self.stream.submits,
                "replayed_submits": self.stream.replays,
                "dispatches": self.stream.dispatches,
            }

    # ---- work ----

    def host_does(self, multiplications: int, least: int | None = None) -> bool:
        """Whether a product of this size is faster on the host's BLAS than in a kernel, and may go there.

        Args:
            multiplications: of all products of the call.
            least: from how many on; None: the tuning's `host_product`.
        """
        return self.host_products and multiplications >= (self.tuning.host_product if least is None else least)

    def host_streams(self, elements: int) -> bool:
        """Whether passes over so many elements, bound by memory, are faster on the host than in kernels."""
        return self.host_products and elements >= self.tuning.host_stream

    def launch(
        self,
        kernel: str,
        items: int,
        specs: tuple[tuple[str, float], ...] = (),
        *,
        work: int | None = None,
        **arguments: Any,
    ) -> None:
        """Issues one dispatch of a kernel that is not declared, or whose variant the caller chooses; see `Kernel`.

        Args:
            kernel: name of the shader.
            specs: (name, value) of specialization constants that differ from the shader's defaults.
            arguments: a Buffer (or an object with `.buffer`) for each binding, None for one that this variant
                does not use; a number for each push constant but the offsets and `draw`, the number of this random
                operation in its submit; `groups` and `extents` as in `issue`.
            items, work: as in `issue`.
        """
        if items <= 0:
            return
        with self.lock:
            key = (kernel, specs, self.local)
            pipeline = self.kernels.pipelines.get(key) or self.kernels.pipeline(*key)
            buffers = []
            for name in pipeline.bindings:
                given = arguments[name]
                buffers.append(self.control if given is None else given.buffer)
            if pipeline.wide:
                pipeline.aligned(buffers)
            self.issue(pipeline, buffers, arguments, items, work)

    def issue(
        self,
        pipeline: Pipeline,
        buffers: list[Any],
        arguments: dict[str, Any],
        items: int,
        work: int | None = None,
    ) -> None:
        """Notes one dispatch; the caller holds the lock.

        Args:
            pipeline: the kernel with its specialization constants.
            buffers: for each binding, in their order.
            arguments: by name, a number for each push constant, the tensors that the buffers are of, and if wanted

                - groups: exact workgroup count, instead of the one that follows from `items`;
                - extents: how many 4-byte elements the kernel may touch of bindings whose size does not follow from
                  their own tensor; the debug mode checks them.

            items: invocations wanted, above 0; kernels stride, so more or fewer may run.
            work: element-steps, for splitting submits; default `items`.
        """
        stream = self.stream
        if self.dead is not None or stream.lost is not None:
            self.check()
        if self.guards is not None:
            self.guards.apart(pipeline, buffers)
            self.guards.reaches(pipeline.name, pipeline.bindings, buffers, arguments.get("extents", {}))
        places, offsets = [], []  # one loop, in half the time of two comprehensions
        for buffer, stride in zip(buffers, pipeline.strides):
            places.append(buffer.segment)
            offsets.append(buffer.offset // stride)
        segments = tuple(places)
        count = arguments.get("groups") or _groups(items, pipeline.local)
        capture = stream.capture
        if capture is None:
            program = pipeline.programs.get((segments, count)) or pipeline.program(self.device, segments, count)
        else:
            pipeline.check(self.device, segments)
            for name in pipeline.bindings:
                if hasattr(arguments[name], "requires_grad"):
                    capture.assumptions.meet(arguments[name])
        cost = items if work is None else work
        if type(cost) is not int:  # a fraction would stay in the stream's sums
            cost = operator.index(cost)
        if pipeline.draws:
            arguments["draw"] = stream.take_draw(cost)
        push = pipeline.pack(offsets, arguments)
        if capture is None:
            stream.append(program, push, cost, buffers)
        else:
            capture.append(pipeline, count, push, cost, buffers)

    def captured(self, capture: Capture) -> list[Entry]:
        """The dispatches of a capture that has ended, with memory for what was made inside.

        Raises:
            OutOfDeviceMemory: there is no room for it.
        """
        self.memory.settle(capture.arena)
        return list(capture.entries(self.device))

    def arena(self) -> Arena:
        """Memory for a graph, none so far."""
        return Arena(self.device)

    def steps_per_submit(self, work_per_step: int) -> int:
        """How many steps of a long loop fit one submit; at least one, a power of two."""
        fit = max(1, self.stream._budget // max(1, work_per_step))
        return 1 << (fit.bit_length() - 1)

    def synchronize(self) -> None:
        """Waits until all issued work is done."""
        with self.lock:
            self.wait()

    def check(self) -> None:
        """Raises what makes this engine unusable, if anything does."""
        if self.dead is not None:
            raise DeviceError(self.dead)
        if self.stream.lost is not None:
            raise DeviceError(self.stream.lost)

    def wait(self) -> None:
        """Waits as `synchronize`, in a thread that holds the lock."""
        if self.dead is not None or self.stream.lost is not None:
            self.check()
        if self.stream.capture is not None:
            raise RuntimeError("values can't be read while a graph is captured; read them after replay()")
        self.stream.finish()
        if self.guards is not None:
            self.guards.verify()

    # ---- inside ----

    def outside_capture(self) -> _OutsideCapture:
        """Work issued inside runs now, even while a graph is captured."""
        return _OutsideCapture(self)

    def _staged(self, nbytes: int, *, clean: bool = False) -> Iterator[tuple[int, Buffer]]:
        """Staging memory for so many bytes, with where each piece belongs: one, or more where there is no room."""
        at, size = 0, nbytes
        while at < nbytes:
            size = min(size, nbytes - at)
            try:
                staged = self.staging.alloc(size, clean=clean)
            except OutOfDeviceMemory:
                if size <= _LEAST_PIECE:
                    raise
                size = max(_LEAST_PIECE, size // 8 // 256 * 256)
                continue
            yield at, staged
            at += size
            del staged

    def _stage(self, buffer: Buffer | Part, array: np.ndarray) -> None:
        if array.nbytes:
            staged = self.staging.alloc(array.nbytes, clean=True)
            _fill(staged, array)
            self._copy(staged, buffer, array.nbytes)

    def _copy(self, source: Buffer | Part, target: Buffer | Part, nbytes: int) -> None:
        words = (nbytes + 3) // 4
        self.launch("copy", words, src=source, dst=target, n=words)

    def _budget(self, heap: int) -> int:
        return int(self.info.heaps[heap]["size"] * self.config.memory_fraction)

    def _require_room(self, nbytes: int, heap: int) -> None:
        """All pools in a heap share its budget, and other processes what the driver has left.

        Raises:
            OutOfDeviceMemory: `nbytes` are more than either.
        """
        pools = [p for p in self._pools if p.heap == heap]
        used, reserved, budget = sum(p.in_use for p in pools), sum(p.reserved for p in pools), self._budget(heap)
        if reserved + nbytes > budget:
            raise OutOfDeviceMemory(
                f"{readable(nbytes)} more device memory was asked for; {readable(used)} are in use, "
                f"{readable(reserved)} reserved, and the budget is {readable(budget)} "
                f"({self.config.memory_fraction:.0%} of the heap of {self.info.name})"
            )
        heaps = self.device.memory_budget()
        if heaps and heaps[heap][1] + nbytes > heaps[heap][0]:
            raise OutOfDeviceMemory(
                f"{readable(nbytes)} more device memory was asked for; {readable(used)} are in use, "
                f"{readable(reserved)} reserved, and by its driver {self.info.name} has only "
                f"{readable(max(0, heaps[heap][0] - heaps[heap][1]))} left"
            )

    def _pool(self, *, host: bool) -> Pool:
        heap = self.info.memory_heap(host=host)

        def create(nbytes: int) -> Segment:
            self._require_room(nbytes, heap)
            return self._segment(nbytes, host=host)

        largest = self.info.max_tensor_bytes
        pool = Pool(
            create,
            min(self.config.segment_bytes, largest),
            largest,
            functools.partial(operator.attrgetter("submits", "_pending"), self.stream),
            functools.partial(operator.attrgetter("_queue.finished"), self.stream),
            lambda: self.stream.finish(),
            self._purge,
            heap,
        )
        self._pools.append(pool)
        return pool

    def _segment(self, nbytes: int, *, host: bool) -> Segment:
        from . import kp

        kind = kp.TensorTypes.host if host else kp.TensorTypes.storage
        with failures.of(f"{readable(nbytes)} of device memory were not given"):
            tensor = kp.Tensor(self.device, nbytes, kind)
        self._segments_made += 1
        return Segment(self._segments_made, self.device, tensor, nbytes, tensor.data() if host else None)

    def _purge(self, gone: set[Segment]) -> None:
        def uses(program: Program) -> bool:
            return not gone.isdisjoint(program.reads) or not gone.isdisjoint(program.writes)

        self.stream.forget(uses)
        for pipeline in self.kernels.pipelines.values():
            pipeline.forget(uses)
        for segment in gone:
            segment.words = None
            segment.tensor.destroy()


class _OutsideCapture:
    """See `Engine.outside_capture`."""

    __slots__ = ("_before", "_engine", "left")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.left = 0

    def __enter__(self) -> None:
        stream, memory = self._engine.stream, self._engine.memory
        self._before = stream.capture, memory.arena
        stream.capture = memory.arena = None

    @leaving
    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.left += 1
        stream, memory = self._engine.stream, self._engine.memory
        capture, arena = self._before
        try:
            if kind is None and capture is not None:
                stream.flush()
        finally:
            stream.capture, memory.arena = capture, arena


def _part(buffer: Buffer | Part, start: int, nbytes: int) -> Buffer | Part:
    return Part(buffer, start, nbytes) if start else buffer


def _fill(buffer: Buffer | Part, array: np.ndarray) -> None:
    flat = array.reshape(-1).view(np.uint32)
    buffer.words()[: flat.size] = flat


@functools.lru_cache(4096)
def _groups(items: int, local: int) -> int:
    """Workgroups for `items`, rounded up to an eighth of a power of two so that few programs are needed."""
    groups = -(-items // local)
    if groups > 8:
        step = 1 << max(0, groups.bit_length() - 4)
        groups = -(-groups // step) * step
    return min(groups, limits.MAX_GROUPS)


def _host(blas: blas_library.Blas | None) -> Any:
    """What does the host's calls; its threads start with the first."""
    kp = devices.native()
    assert blas is not None
    return kp.Host(kp.Blas(blas.sgemm, blas.wide, blas.get_threads, blas.set_threads))


def _open(info: devices.DeviceInfo, config: Config) -> Any:
    """The device, with the pipelines that earlier runs compiled."""
    kp = devices.native()
    pipelines = pipeline_cache.load(info) if config.pipeline_cache else b""
    try:
        with failures.of(f"{info} can't be opened"):
            device = kp.Device(info.index, pipelines, config.features)
    except DeviceError:
        raise
    except RuntimeError as error:
        raise DeviceError(f"{info} can't be opened: {error}") from error
    return device
