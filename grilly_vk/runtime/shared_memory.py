"""How much shared memory a kernel declares, and which capabilities, read out of its SPIR-V.

Source: Khronos, SPIR-V specification 1.3, sections 3.32.6, 3.32.7 and 3.31.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Mapping

_CAPABILITY, _INT, _FLOAT, _VECTOR, _ARRAY, _STRUCT, _POINTER = 17, 21, 22, 23, 28, 30, 32
_CONSTANT, _COMPOSITE, _SPEC_CONSTANT, _SPEC_COMPOSITE, _SPEC_OP, _VARIABLE, _DECORATE = 43, 44, 50, 51, 52, 59, 71
_SPEC_ID, _WORKGROUP, _EXTRACT, _SELECT = 1, 4, 81, 169
_OPERATIONS: dict[int, Callable[[int, int], int]] = {
    128: operator.add, 130: operator.sub, 132: operator.mul, 134: lambda a, b: a // max(1, b),
    137: lambda a, b: a % max(1, b), 170: operator.eq, 171: operator.ne, 172: operator.gt, 174: operator.ge,
    176: operator.lt, 178: operator.le, 194: operator.rshift, 196: operator.lshift, 197: operator.or_,
    199: operator.and_, 166: operator.or_, 167: operator.and_,
}  # fmt: skip
NAMES = {1: "Shader", 9: "Float16", 22: "Int16", 11: "Int64", 61: "GroupNonUniform", 62: "GroupNonUniformVote",
         63: "GroupNonUniformArithmetic", 64: "GroupNonUniformBallot", 65: "GroupNonUniformShuffle",
         4433: "StorageBuffer16BitAccess"}  # fmt: skip


def declared(code: bytes, specs: Mapping[int, int]) -> tuple[int, frozenset[int]]:
    """Bytes of shared memory and the capabilities of a module.

    Args:
        code: SPIR-V.
        specs: bits of specialization constants by id; the others have their defaults.
    """
    words = struct.unpack(f"<{len(code) // 4}I", code)
    ids: dict[int, int] = {}  # specialization constant by result id
    values: dict[int, int | tuple[int, ...]] = {}
    types: dict[int, tuple[int, tuple[int, ...]]] = {}
    capabilities: set[int] = set()
    shared: list[int] = []
    at = 5
    while at < len(words):
        count, op = words[at] >> 16, words[at] & 0xFFFF
        a = words[at + 1 : at + count]
        if op == _CAPABILITY:
            capabilities.add(a[0])
        elif op == _DECORATE and a[1] == _SPEC_ID:
            ids[a[0]] = a[2]
        elif op in (_INT, _FLOAT, _VECTOR, _ARRAY, _STRUCT, _POINTER):
            types[a[0]] = (op, a[1:])
        elif op in (_CONSTANT, _SPEC_CONSTANT):
            values[a[1]] = specs.get(ids.get(a[1], -1), a[2])
        elif op in (_COMPOSITE, _SPEC_COMPOSITE):
            values[a[1]] = tuple(_number(values, i) for i in a[2:])
        elif op == _SPEC_OP:
            values[a[1]] = _operation(a[2], a[3:], values)
        elif op == _VARIABLE and a[2] == _WORKGROUP:
            shared.append(types[a[0]][1][1])
        at += max(1, count)
    return sum(_size(t, types, values) for t in shared), frozenset(capabilities)


def _number(values: Mapping[int, int | tuple[int, ...]], at: int) -> int:
    value = values.get(at, 0)
    return value if isinstance(value, int) else 0


def _operation(op: int, a: tuple[int, ...], values: Mapping[int, int | tuple[int, ...]]) -> int:
    if op == _EXTRACT:
        whole = values.get(a[0], 0)
        return whole[a[1]] if isinstance(whole, tuple) else 0
    if op == _SELECT:
        return _number(values, a[1] if _number(values, a[0]) else a[2])
    if op in _OPERATIONS and len(a) == 2:
        return int(_OPERATIONS[op](_number(values, a[0]), _number(values, a[1])))
    return 0


def _size(
    of: int, types: Mapping[int, tuple[int, tuple[int, ...]]], values: Mapping[int, int | tuple[int, ...]]
) -> int:
    op, a = types.get(of, (0, ()))
    if op in (_INT, _FLOAT):
        return a[0] // 8
    if op == _VECTOR:
        return a[1] * _size(a[0], types, values)
    if op == _ARRAY:
        return _number(values, a[1]) * _size(a[0], types, values)
    if op == _STRUCT:
        return sum(_size(m, types, values) for m in a)
    return 4
