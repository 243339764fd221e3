"""What Tensor gets from methods/, for type checkers."""

import builtins
from collections.abc import Callable, Iterator
from typing import Any

from .runtime.devices import DeviceInfo
from .tensor import Tensor

class Declared:
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
    T: Tensor
    matmul: Callable[..., Tensor]
    astype: Callable[..., Tensor]
    exp: Callable[..., Tensor]
    log: Callable[..., Tensor]
    sqrt: Callable[..., Tensor]
    abs: Callable[..., Tensor]
    tanh: Callable[..., Tensor]
    sigmoid: Callable[..., Tensor]
    relu: Callable[..., Tensor]
    sign: Callable[..., Tensor]
    sin: Callable[..., Tensor]
    cos: Callable[..., Tensor]
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
    abs_: Callable[..., Tensor]
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
    ceil: Callable[..., Tensor]
    ceil_: Callable[..., Tensor]
    chunk: Callable[..., tuple[Tensor, ...]]
    clamp_: Callable[..., Tensor]
    clip: Callable[..., Tensor]
    clip_: Callable[..., Tensor]
    contiguous: Callable[..., Tensor]
    copy_: Callable[..., Tensor]
    cos_: Callable[..., Tensor]
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
    eq: Callable[..., Tensor]
    erf: Callable[..., Tensor]
    erf_: Callable[..., Tensor]
    exp_: Callable[..., Tensor]
    expand_as: Callable[..., Tensor]
    expm1: Callable[..., Tensor]
    expm1_: Callable[..., Tensor]
    fill_: Callable[..., Tensor]
    float: Callable[..., Tensor]
    floor: Callable[..., Tensor]
    floor_: Callable[..., Tensor]
    floor_divide: Callable[..., Tensor]
    fmod: Callable[..., Tensor]
    fmod_: Callable[..., Tensor]
    gather: Callable[..., Tensor]
    ge: Callable[..., Tensor]
    gt: Callable[..., Tensor]
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
    le: Callable[..., Tensor]
    lerp: Callable[..., Tensor]
    lerp_: Callable[..., Tensor]
    log10: Callable[..., Tensor]
    log1p: Callable[..., Tensor]
    log1p_: Callable[..., Tensor]
    log2: Callable[..., Tensor]
    log_: Callable[..., Tensor]
    log_softmax: Callable[..., Tensor]
    logical_and: Callable[..., Tensor]
    logical_not: Callable[..., Tensor]
    logical_not_: Callable[..., Tensor]
    logical_or: Callable[..., Tensor]
    logical_xor: Callable[..., Tensor]
    logsumexp: Callable[..., Tensor]
    long: Callable[..., Tensor]
    lt: Callable[..., Tensor]
    masked_fill: Callable[..., Tensor]
    masked_fill_: Callable[..., Tensor]
    masked_select: Callable[..., Tensor]
    maximum: Callable[..., Tensor]
    median: Callable[..., Any]
    minimum: Callable[..., Tensor]
    mm: Callable[..., Tensor]
    movedim: Callable[..., Tensor]
    mul: Callable[..., Tensor]
    mul_: Callable[..., Tensor]
    multiply: Callable[..., Tensor]
    mv: Callable[..., Tensor]
    nan_to_num: Callable[..., Tensor]
    narrow: Callable[..., Tensor]
    ndimension: Callable[..., builtins.int]
    ne: Callable[..., Tensor]
    neg: Callable[..., Tensor]
    neg_: Callable[..., Tensor]
    nelement: Callable[..., builtins.int]
    nonzero: Callable[..., Any]
    norm: Callable[..., Tensor]
    normal_: Callable[..., Tensor]
    numel: Callable[..., builtins.int]
    outer: Callable[..., Tensor]
    pow: Callable[..., Tensor]
    pow_: Callable[..., Tensor]
    prod: Callable[..., Tensor]
    reciprocal: Callable[..., Tensor]
    reciprocal_: Callable[..., Tensor]
    relu_: Callable[..., Tensor]
    remainder: Callable[..., Tensor]
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
    sigmoid_: Callable[..., Tensor]
    sign_: Callable[..., Tensor]
    sin_: Callable[..., Tensor]
    softmax: Callable[..., Tensor]
    sort: Callable[..., Any]
    sqrt_: Callable[..., Tensor]
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
    tanh_: Callable[..., Tensor]
    tile: Callable[..., Tensor]
    to: Callable[..., Tensor]
    topk: Callable[..., Any]
    tril: Callable[..., Tensor]
    triu: Callable[..., Tensor]
    true_divide: Callable[..., Tensor]
    trunc: Callable[..., Tensor]
    trunc_: Callable[..., Tensor]
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
