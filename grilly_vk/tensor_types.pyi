"""What Tensor gets from methods/, for type checkers."""

import builtins
from collections.abc import Callable, Iterator
from typing import Any

from .ops.pointwise import Pointwise
from .runtime.devices import DeviceInfo
from .tensor import Tensor

class Declared(Pointwise):
    """Operators and methods that are attached to Tensor."""

    def __add__(self, other: Any) -> Tensor: ...
    def __radd__(self, other: Any) -> Tensor: ...
    def __sub__(self, other: Any) -> Tensor: ...
    def __rsub__(self, other: Any) -> Tensor: ...
    def __mul__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __truediv__(self, other: Any) -> Tensor: ...
    def __rtruediv__(self, other: Any) -> Tensor: ...
    def __floordiv__(self, other: Any) -> Tensor: ...
    def __rfloordiv__(self, other: Any) -> Tensor: ...
    def __mod__(self, other: Any) -> Tensor: ...
    def __rmod__(self, other: Any) -> Tensor: ...
    def __pow__(self, other: Any) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __matmul__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __and__(self, other: Any) -> Tensor: ...
    def __rand__(self, other: Any) -> Tensor: ...
    def __or__(self, other: Any) -> Tensor: ...
    def __ror__(self, other: Any) -> Tensor: ...
    def __xor__(self, other: Any) -> Tensor: ...
    def __rxor__(self, other: Any) -> Tensor: ...
    def __lt__(self, other: Any) -> Tensor: ...
    def __le__(self, other: Any) -> Tensor: ...
    def __gt__(self, other: Any) -> Tensor: ...
    def __ge__(self, other: Any) -> Tensor: ...
    def __iadd__(self, other: Any) -> Tensor: ...
    def __isub__(self, other: Any) -> Tensor: ...
    def __imul__(self, other: Any) -> Tensor: ...
    def __itruediv__(self, other: Any) -> Tensor: ...
    def __eq__(self, other: Any) -> Any: ...
    def __ne__(self, other: Any) -> Any: ...
    def __neg__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __getitem__(self, key: Any) -> Tensor: ...
    def __setitem__(self, key: Any, value: Any) -> None: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    def backward(self, gradient: Tensor | None = None, *, retain_graph: bool = False) -> None: ...
    def accumulate(self, given: list[Tensor]) -> None: ...
    def _of(self, data: Any, *others: Any) -> None: ...
    T: Tensor
    matmul: Callable[..., Tensor]
    astype: Callable[..., Tensor]
    sum: Callable[..., Tensor]
    mean: Callable[..., Tensor]
    var: Callable[..., Tensor]
    argmax: Callable[..., Tensor]
    argmin: Callable[..., Tensor]
    cumsum: Callable[..., Tensor]
    any: Callable[..., Tensor]
    all: Callable[..., Tensor]
    reshape: Callable[..., Tensor]
    view: Callable[..., Tensor]
    flatten: Callable[..., Tensor]
    permute: Callable[..., Tensor]
    transpose: Callable[..., Tensor]
    expand: Callable[..., Tensor]
    broadcast_to: Callable[..., Tensor]
    squeeze: Callable[..., Tensor]
    unsqueeze: Callable[..., Tensor]
    pad: Callable[..., Tensor]
    flip: Callable[..., Tensor]
    clone: Callable[..., Tensor]
    clamp: Callable[..., Tensor]
    split: Callable[..., tuple[Tensor, ...]]
    data: Any  # read as a Tensor, set from an array too
    device: DeviceInfo
    grad_fn: Any
    mT: Tensor
    equal: Callable[..., builtins.bool]
    max: Callable[..., Any]
    min: Callable[..., Any]
    def __iand__(self, other: Any) -> Tensor: ...
    def __ifloordiv__(self, other: Any) -> Tensor: ...
    def __imod__(self, other: Any) -> Tensor: ...
    def __ior__(self, other: Any) -> Tensor: ...
    def __ipow__(self, other: Any) -> Tensor: ...
    def __ixor__(self, other: Any) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __format__(self, spec: str) -> str: ...
    add: Callable[..., Tensor]
    add_: Callable[..., Tensor]
    addmm: Callable[..., Tensor]
    allclose: Callable[..., builtins.bool]
    amax: Callable[..., Tensor]
    amin: Callable[..., Tensor]
    argsort: Callable[..., Tensor]
    bernoulli_: Callable[..., Tensor]
    bfloat16: Callable[..., Tensor]
    bincount: Callable[..., Tensor]
    bmm: Callable[..., Tensor]
    bool: Callable[..., Tensor]
    chunk: Callable[..., tuple[Tensor, ...]]
    clamp_: Callable[..., Tensor]
    clip: Callable[..., Tensor]
    clip_: Callable[..., Tensor]
    contiguous: Callable[..., Tensor]
    copy_: Callable[..., Tensor]
    count_nonzero: Callable[..., Tensor]
    cpu: Callable[..., Tensor]
    cuda: Callable[..., Tensor]
    cumprod: Callable[..., Tensor]
    detach_: Callable[..., Tensor]
    diag: Callable[..., Tensor]
    dim: Callable[..., builtins.int]
    div: Callable[..., Tensor]
    div_: Callable[..., Tensor]
    divide: Callable[..., Tensor]
    dot: Callable[..., Tensor]
    double: Callable[..., Tensor]
    element_size: Callable[..., builtins.int]
    expand_as: Callable[..., Tensor]
    fill_: Callable[..., Tensor]
    float: Callable[..., Tensor]
    fmod: Callable[..., Tensor]
    fmod_: Callable[..., Tensor]
    gather: Callable[..., Tensor]
    half: Callable[..., Tensor]
    heaviside: Callable[..., Tensor]
    index_add: Callable[..., Tensor]
    index_add_: Callable[..., Tensor]
    index_select: Callable[..., Tensor]
    int: Callable[..., Tensor]
    is_contiguous: Callable[..., builtins.bool]
    is_floating_point: Callable[..., builtins.bool]
    isclose: Callable[..., Tensor]
    isfinite: Callable[..., Tensor]
    isinf: Callable[..., Tensor]
    isnan: Callable[..., Tensor]
    lerp: Callable[..., Tensor]
    lerp_: Callable[..., Tensor]
    log10: Callable[..., Tensor]
    log2: Callable[..., Tensor]
    log_softmax: Callable[..., Tensor]
    logical_and: Callable[..., Tensor]
    logical_not: Callable[..., Tensor]
    logical_not_: Callable[..., Tensor]
    logical_or: Callable[..., Tensor]
    logical_xor: Callable[..., Tensor]
    logsumexp: Callable[..., Tensor]
    long: Callable[..., Tensor]
    masked_fill: Callable[..., Tensor]
    masked_fill_: Callable[..., Tensor]
    masked_select: Callable[..., Tensor]
    median: Callable[..., Any]
    mm: Callable[..., Tensor]
    movedim: Callable[..., Tensor]
    mul_: Callable[..., Tensor]
    mv: Callable[..., Tensor]
    nan_to_num: Callable[..., Tensor]
    narrow: Callable[..., Tensor]
    ndimension: Callable[..., builtins.int]
    nelement: Callable[..., builtins.int]
    nonzero: Callable[..., Any]
    norm: Callable[..., Tensor]
    normal_: Callable[..., Tensor]
    numel: Callable[..., builtins.int]
    outer: Callable[..., Tensor]
    pow_: Callable[..., Tensor]
    prod: Callable[..., Tensor]
    reciprocal: Callable[..., Tensor]
    reciprocal_: Callable[..., Tensor]
    remainder_: Callable[..., Tensor]
    repeat: Callable[..., Tensor]
    repeat_interleave: Callable[..., Tensor]
    retain_grad: Callable[..., None]
    roll: Callable[..., Tensor]
    round: Callable[..., Tensor]
    round_: Callable[..., Tensor]
    rsqrt: Callable[..., Tensor]
    rsqrt_: Callable[..., Tensor]
    scatter: Callable[..., Tensor]
    scatter_: Callable[..., Tensor]
    scatter_add: Callable[..., Tensor]
    scatter_add_: Callable[..., Tensor]
    softmax: Callable[..., Tensor]
    sort: Callable[..., Any]
    square: Callable[..., Tensor]
    square_: Callable[..., Tensor]
    squeeze_: Callable[..., Tensor]
    std: Callable[..., Tensor]
    sub: Callable[..., Tensor]
    sub_: Callable[..., Tensor]
    subtract: Callable[..., Tensor]
    swapaxes: Callable[..., Tensor]
    t: Callable[..., Tensor]
    take: Callable[..., Tensor]
    tile: Callable[..., Tensor]
    to: Callable[..., Tensor]
    topk: Callable[..., Any]
    tril: Callable[..., Tensor]
    triu: Callable[..., Tensor]
    true_divide: Callable[..., Tensor]
    type: Callable[..., Tensor]
    type_as: Callable[..., Tensor]
    unbind: Callable[..., tuple[Tensor, ...]]
    unflatten: Callable[..., Tensor]
    uniform_: Callable[..., Tensor]
    unique: Callable[..., Tensor]
    unsqueeze_: Callable[..., Tensor]
    where: Callable[..., Tensor]
    xpu: Callable[..., Tensor]
    zero_: Callable[..., Tensor]
