"""Reads a kernel's interface out of its SPIR-V, so that the shader is the only place that declares it.

Only what compute kernels of this project use is understood: storage-buffer blocks with one runtime array, one block of
push constants, 32-bit scalars behind an array of the buffers' offsets (shaders/include/buffers.glsl), and 32-bit
specialization constants.
Source: Khronos, SPIR-V specification 1.3, sections 2.3 and 3.32.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MAGIC = 0x07230203
_NAME, _MEMBER_NAME, _EXECUTION_MODE = 5, 6, 16
_TYPE_INT, _TYPE_FLOAT, _TYPE_ARRAY, _TYPE_RUNTIME_ARRAY, _TYPE_STRUCT, _TYPE_POINTER = 21, 22, 28, 29, 30, 32
_CONSTANT = 43
_SPEC_TRUE, _SPEC_FALSE, _SPEC_CONSTANT, _VARIABLE, _DECORATE, _MEMBER_DECORATE = 48, 49, 50, 59, 71, 72
_SPEC_ID, _ARRAY_STRIDE, _NON_WRITABLE, _NON_READABLE, _BINDING, _OFFSET = 1, 6, 24, 25, 33, 35
_STORAGE_BUFFER, _PUSH_CONSTANT, _WORKGROUP = 12, 9, 4
_CAPABILITY, _BALLOT = 17, 64
_EXTENSION, _ENTRY_POINT = 10, 15
_KEEP_SPECIAL, _KEEP_SPECIAL_MODE = 4466, 4461  # SignedZeroInfNanPreserve, the capability and the execution mode


class SpirvError(ValueError):
    """The file is no SPIR-V module that this runtime can use."""


@dataclass(frozen=True)
class Binding:
    """One storage buffer: `name` is the array in the block, `stride` its element size in bytes."""

    name: str
    stride: int
    reads: bool
    writes: bool


@dataclass(frozen=True)
class Scalar:
    """A push constant or a specialization constant; `kind` is a struct code: f, i or I.

    The offset of the binding x is called x_at.
    """

    name: str
    kind: str
    default: int = 0  # bits


@dataclass(frozen=True)
class Interface:
    """What a kernel wants: buffers by binding number, push constants by offset, constants by id."""

    bindings: tuple[Binding, ...]
    push: tuple[Scalar, ...]
    specs: tuple[Scalar, ...]
    shares: bool = False  # has shared memory
    broadcasts: bool = False  # within subgroups


def _string(words: tuple[int, ...]) -> str:
    return struct.pack(f"<{len(words)}I", *words).split(b"\0", 1)[0].decode("utf-8", "replace")


def reflect(code: bytes, where: str) -> Interface:
    """The interface of the SPIR-V module `code`; `where` names it in errors.

    Raises:
        SpirvError: not SPIR-V, cut short, or an interface outside the rules above.
    """
    try:
        return _reflect(code, where)
    except (KeyError, IndexError) as error:
        raise SpirvError(f"{where}: the module is damaged ({error!r}); rebuild the package") from error


def _reflect(code: bytes, where: str) -> Interface:
    if len(code) < 20 or len(code) % 4:
        raise SpirvError(f"{where}: {len(code)} bytes are no SPIR-V module; rebuild the package")
    words = struct.unpack(f"<{len(code) // 4}I", code)
    if words[0] != _MAGIC:
        raise SpirvError(f"{where}: starts with {words[0]:#010x}, not SPIR-V's {_MAGIC:#010x}; rebuild the package")
    names: dict[int, str] = {}
    member_names: dict[tuple[int, int], str] = {}
    decorations: dict[tuple[int, int], int] = {}
    member_decorations: dict[tuple[int, int, int], int] = {}
    types: dict[int, tuple[int, tuple[int, ...]]] = {}
    constants: list[tuple[int, int, int]] = []
    numbers: dict[int, int] = {}
    variables: list[tuple[int, int, int]] = []
    has_main = shares = broadcasts = False
    at = 5
    while at < len(words):
        count, op = words[at] >> 16, words[at] & 0xFFFF
        if count == 0 or at + count > len(words):
            raise SpirvError(f"{where}: the module is cut short or damaged at word {at}; rebuild the package")
        a = words[at + 1 : at + count]
        if op == _NAME:
            names[a[0]] = _string(a[1:])
        elif op == _MEMBER_NAME:
            member_names[a[0], a[1]] = _string(a[2:])
        elif op == _DECORATE:
            decorations[a[0], a[1]] = a[2] if len(a) > 2 else 1
        elif op == _MEMBER_DECORATE:
            member_decorations[a[0], a[1], a[2]] = a[3] if len(a) > 3 else 1
        elif op in (_TYPE_INT, _TYPE_FLOAT, _TYPE_ARRAY, _TYPE_RUNTIME_ARRAY, _TYPE_STRUCT, _TYPE_POINTER):
            types[a[0]] = (op, a[1:])
        elif op == _CONSTANT:
            numbers[a[1]] = a[2]
        elif op in (_SPEC_CONSTANT, _SPEC_TRUE, _SPEC_FALSE):
            constants.append((a[1], a[0], a[2] if op == _SPEC_CONSTANT else int(op == _SPEC_TRUE)))
        elif op == _VARIABLE and a[2] in (_STORAGE_BUFFER, _PUSH_CONSTANT):
            variables.append((a[1], a[0], a[2]))
        elif op == _VARIABLE and a[2] == _WORKGROUP:
            shares = True
        elif op == _CAPABILITY and a[0] == _BALLOT:
            broadcasts = True
        elif op == _EXECUTION_MODE:
            has_main = True
        at += count
    if not has_main:
        raise SpirvError(f"{where}: the module has no entry point; rebuild the package")

    def kind(type_id: int) -> str:
        op, operands = types.get(type_id, (0, ()))
        if op == _TYPE_FLOAT:
            return "f"
        if op == _TYPE_INT and operands[1]:
            return "i"
        return "I"

    bindings: dict[int, Binding] = {}
    pushed: list[tuple[int, str, int]] = []  # offset, name, type
    for variable, pointer, storage in variables:
        struct_id = types[pointer][1][1]
        members = types[struct_id][1]
        if storage == _PUSH_CONSTANT:
            pushed = sorted(
                (member_decorations[struct_id, m, _OFFSET], member_names[struct_id, m], member)
                for m, member in enumerate(members)
            )
        else:
            number, stride = decorations[variable, _BINDING], decorations[members[0], _ARRAY_STRIDE]
            if number in bindings and bindings[number].stride < stride:
                continue  # the same once more, by eights (shaders/include/eights.glsl)
            bindings[number] = Binding(
                name=member_names[struct_id, 0],
                stride=stride,
                reads=(struct_id, 0, _NON_READABLE) not in member_decorations
                and (variable, _NON_READABLE) not in decorations,
                writes=(struct_id, 0, _NON_WRITABLE) not in member_decorations
                and (variable, _NON_WRITABLE) not in decorations,
            )
    if sorted(bindings) != list(range(len(bindings))):
        raise SpirvError(f"{where}: bindings must count from 0 without gaps, got {sorted(bindings)}")
    push: list[Scalar] = []
    for offset, name, type_id in pushed:
        if offset != 4 * len(push):
            raise SpirvError(f"{where}: push constants must be tightly packed 32-bit scalars")
        op, operands = types[type_id]
        if op == _TYPE_ARRAY:
            count = numbers[operands[1]]
            if count > len(bindings):
                raise SpirvError(
                    f"{where}: has offsets for {count} bindings, and {len(bindings)} bindings; correct its OFFSETS"
                )
            push += [Scalar(f"{bindings[n].name}_at", kind(operands[0])) for n in range(count)]
        else:
            push.append(Scalar(name, kind(type_id)))
    specs: dict[int, Scalar] = {}
    for constant, type_id, default in constants:
        spec = decorations.get((constant, _SPEC_ID))
        # The workgroup size comes as a constant without a name beside the LOCAL of the same id.
        if spec is not None and (names.get(constant) or spec not in specs):
            specs[spec] = Scalar(names.get(constant, ""), kind(type_id), default)
    if sorted(specs) != list(range(len(specs))):
        raise SpirvError(f"{where}: specialization constants must count from 0 without gaps, got {sorted(specs)}")
    return Interface(
        tuple(bindings[i] for i in range(len(bindings))),
        tuple(push),
        tuple(specs[i] for i in range(len(specs))),
        shares,
        broadcasts,
    )


def keeping_special_values(code: bytes) -> bytes:
    """The module `code`, which `reflect` took, with SignedZeroInfNanPreserve declared for its 32-bit floats.

    Compilers may then not assume that there is no NaN, infinity or negative zero.  Only for devices that offer it.
    Source: Khronos, SPV_KHR_float_controls.
    """
    words = struct.unpack(f"<{len(code) // 4}I", code)
    name = b"SPV_KHR_float_controls\0"
    extension = struct.unpack(f"<{(len(name) + 3) // 4}I", name.ljust((len(name) + 3) // 4 * 4, b"\0"))
    capability_end = mode_at = at = 5
    entry = 0
    while at < len(words):
        count, op = words[at] >> 16, words[at] & 0xFFFF
        if op == _CAPABILITY:
            capability_end = at + count
        elif op == _ENTRY_POINT:
            entry, mode_at = words[at + 2], at + count
        at += count
    capability = (2 << 16 | _CAPABILITY, _KEEP_SPECIAL)
    extension = (len(extension) + 1 << 16 | _EXTENSION, *extension)
    mode = (4 << 16 | _EXECUTION_MODE, entry, _KEEP_SPECIAL_MODE, 32)
    head, middle, tail = words[:capability_end], words[capability_end:mode_at], words[mode_at:]
    whole = (*head, *capability, *extension, *middle, *mode, *tail)
    return struct.pack(f"<{len(whole)}I", *whole)
