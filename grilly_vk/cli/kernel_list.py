"""`info --kernels`: every kernel with its buffers, numbers and constants, and the public calls that launch it."""

from __future__ import annotations

import difflib
import fnmatch
import json
import struct
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..runtime.kernel import REGISTRY
from ..runtime.kernels import Kernels
from ..runtime.spirv import Interface, Scalar, SpirvError
from .errors import CliError
from .kernel_uses import installed

_TYPES = {"f": "float", "i": "int", "I": "uint"}
_MOST_CALLS = 12  # of a kernel that nearly everything uses; the JSON form has them all
_WIDTH = 116


@dataclass(frozen=True)
class KernelEntry:
    """One kernel.

    Attributes:
        name: of the shader's file.
        runs: over what it runs, and what is cut in long runs, where it is declared.
        variants: interface by variant: "" and, where there is one, "vec4".
        public_calls: what launches it, with the fewest helpers in between first.
    """

    name: str
    runs: str
    variants: dict[str, Interface]
    public_calls: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        wide = self.variants.get("vec4")
        bindings = []
        for i, b in enumerate(self.variants[""].bindings):
            more = {} if wide is None else {"bytes_vec4": wide.bindings[i].stride}
            bindings.append({"name": b.name, "reads": b.reads, "writes": b.writes, "bytes": b.stride, **more})
        face = self.variants[""]
        return {
            "name": self.name,
            "runs_over": self.runs,
            "variants": [v for v in self.variants if v],
            "bindings": bindings,
            "push_constants": [{"name": s.name, "type": _TYPES[s.kind]} for s in face.push],
            "constants": [{"name": s.name, "type": _TYPES[s.kind], "default": default_of(s)} for s in face.specs],
            "public_calls": list(self.public_calls),
        }


def default_of(constant: Scalar) -> float | int:
    """A specialization constant's default as a number."""
    value: float | int = struct.unpack("<" + constant.kind, struct.pack("<I", constant.default))[0]
    return value


def kernel_entries(patterns: Sequence[str] = ()) -> list[KernelEntry]:
    """The kernels whose name is one of the patterns (such as "snn-*"), all without; by name.

    Raises:
        CliError: a pattern that fits no kernel, or a damaged installation.
    """
    kernels = Kernels()
    files = [file for file in kernels.names() if "~" not in file]  # a kernel with another text in it is the same one
    names = sorted({file.split(".")[0] for file in files})
    wanted: set[str] = set()
    for pattern in patterns:
        found = fnmatch.filter(names, pattern.removesuffix(".vec4").removesuffix(".vec8"))
        if not found:
            near = difflib.get_close_matches(pattern, names) or names
            raise CliError(f"no kernel is called {pattern!r}; there are {', '.join(near)}")
        wanted.update(found)
    uses = installed()
    out = []
    for name in names:
        if patterns and name not in wanted:
            continue
        mine = [file for file in files if file.split(".")[0] == name]
        try:
            variants = {file[len(name) + 1 :]: kernels.module(file)[1] for file in mine}
        except SpirvError as error:
            raise CliError(str(error)) from error
        runs = REGISTRY[name].runs if name in REGISTRY else ""
        out.append(KernelEntry(name, runs, variants, tuple(uses.of(name))))
    return out


def kernels_as_json(entries: Sequence[KernelEntry]) -> str:
    """The entries as JSON text."""
    return json.dumps({"kernels": [e.as_dict() for e in entries]}, indent=2)


def kernels_as_text(entries: Sequence[KernelEntry]) -> str:
    """The entries to be read, a paragraph each."""
    return "\n\n".join(_paragraph(e) for e in entries)


def _paragraph(entry: KernelEntry) -> str:
    told = entry.as_dict()
    title = entry.name + "".join(f" (and {entry.name}.{v})" for v in told["variants"])
    access = {(True, False): "reads", (False, True): "writes", (True, True): "reads, writes", (False, False): "unused"}
    lines = [title]
    for i, b in enumerate(told["bindings"]):
        size = f"{b['bytes']} bytes" + (f" (vec4: {b['bytes_vec4']})" if "bytes_vec4" in b else "")
        lines.append(f"  binding {i:<2} {b['name']:<12} {access[b['reads'], b['writes']]:<14} {size}")
    lines += _folded("push", [f"{p['name']} {p['type']}" for p in told["push_constants"]])
    lines += _folded("constants", [f"{c['name']} {c['type']} = {c['default']:g}" for c in told["constants"]])
    lines += _folded("runs over", [entry.runs] if entry.runs else [])
    return "\n".join([*lines, *_folded("used by", _shown(entry.public_calls))])


def _shown(calls: Sequence[str]) -> list[str]:
    """The nearest calls; Python's operators count as one."""
    plain = [c for c in calls if not c.startswith("Tensor.__")]
    if len(plain) < len(calls):
        at = next(i for i, c in enumerate(calls) if c.startswith("Tensor.__"))
        plain.insert(at, "operators of Tensor")
    more = len(plain) - _MOST_CALLS
    return plain if more <= 1 else [*plain[:_MOST_CALLS], f"and {more} more (--json lists them)"]


def _folded(label: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    joined = ", ".join(item.replace(" ", "\0") for item in items)  # no line break inside an item
    folded = textwrap.wrap(joined, _WIDTH, initial_indent=f"  {label:<10} ", subsequent_indent=" " * 13)
    return [line.replace("\0", " ") for line in folded]
