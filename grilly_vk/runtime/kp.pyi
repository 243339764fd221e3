from collections.abc import Callable
from collections.abc import Sequence as _Sequence
from typing import Any, ClassVar

import numpy as np

__version__: str
vulkan_headers: int
DEVICE_LOST: int
OUT_OF_MEMORY: tuple[int, ...]

class VulkanError(RuntimeError):
    result: int

class Feature:
    name: str
    extension: str
    purpose: str
    offered: bool
    taken: bool

class Device:
    features: list[Feature]
    pipelines: int
    def __init__(self, index: int, pipeline_cache: bytes = b"", features: bool = True) -> None: ...
    def memory_budget(self) -> list[tuple[int, int]]: ...
    def pipeline_cache(self) -> bytes: ...
    def wait_idle(self) -> None: ...

class TensorTypes:
    host: ClassVar[TensorTypes]
    storage: ClassVar[TensorTypes]

class Tensor:
    def __init__(self, device: Device, nbytes: int, tensor_type: TensorTypes) -> None: ...
    def data(self) -> np.ndarray: ...
    def size(self) -> int: ...
    def is_init(self) -> bool: ...
    def destroy(self) -> None: ...

class Algorithm:
    def __init__(
        self,
        device: Device,
        tensors: list[Tensor],
        spirv: bytes,
        workgroup: tuple[int, int, int],
        spec_consts: bytes,
        push_words: int,
    ) -> None: ...
    def is_init(self) -> bool: ...

class OpBase: ...

class OpAlgoDispatch(OpBase):
    def __init__(self, algorithm: Algorithm, push_consts: bytes, first: int = 0, count: int = 0) -> None: ...

class Barrier(OpBase):
    class Where:
        BEGIN: ClassVar[Barrier.Where]
        BETWEEN: ClassVar[Barrier.Where]
        END: ClassVar[Barrier.Where]

    def __init__(self, where: Where) -> None: ...

class Timestamps:
    def __init__(self, device: Device, count: int) -> None: ...
    def read(self) -> list[int]: ...

class Stamp(OpBase):
    def __init__(self, times: Timestamps, number: int) -> None: ...

class Blas:
    def __init__(self, sgemm: int, wide: bool, get_threads: int, set_threads: int) -> None: ...

class Host:
    threads: int
    def __init__(self, blas: Blas) -> None: ...

class HostBinding:
    name: str
    reads: bool
    writes: bool

class HostFace:
    name: str
    bindings: list[HostBinding]
    numbers: list[str]
    factors: list[str]

class HostCall:
    def __init__(self, name: str, tensors: list[Tensor], words: bytes) -> None: ...

class Piece: ...

class HostWork(Piece):
    def __init__(self, host: Host, calls: list[HostCall]) -> None: ...
    def read(self) -> list[int]: ...

class Sequence(Piece):
    def __init__(self, device: Device) -> None: ...
    def record(self, op: OpBase) -> None: ...

class Ticket:
    held: Any
    def __init__(self, append: Callable[[Any], object]) -> None: ...

class Submits:
    busy: bool
    issued: int
    finished: int
    def __init__(self, device: Device) -> None: ...
    def submit(self, groups: _Sequence[_Sequence[Piece]]) -> None: ...
    def wait(self, number: int) -> bool: ...

def host_faces() -> list[HostFace]: ...
def devices() -> list[dict[str, Any]]: ...
def leaving(method: Callable[..., Any], owner: Any) -> Callable[..., Any]: ...
def fail(call: str, result: int, skip: int = 0) -> None: ...
