"""Every kernel made into a pipeline, with its default constants and with others, on a device opened for this alone."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from ...equations.synapses import RECURRENCES
from ...ops import core_run, elementwise, loss, nodes, reduce, surrogate, traced
from ...runtime import Engine, engine
from ...runtime.devices import DeviceInfo
from ...runtime.kernels import Kernels
from ...runtime.limits import needs as needs_of
from ...runtime.matrices import KERNELS as ON_MATRICES
from ...runtime.shared_memory import NAMES, declared
from .runner import CUT, FAIL, PASS, Check, Found, Time

Specs = tuple[tuple[str, float], ...]
HINT = "the driver's compiler refuses the kernel: send the row and the driver's version; a newer driver may help"
PLAIN = {1}  # the capability that every device has: Shader
MATRICES = {9, 61, 5345, 6022}  # of devices with matrix units
_CORES, _NODES = len(core_run.MODELS), len(nodes.MODELS)
_MODELS = {"snn-core": _CORES, "snn-recurrent-node": _NODES, "snn-recurrent": _CORES, "snn-node": _NODES,
           "snn-trace-neuron": len(traced.MODELS), "snn-synapse": len(RECURRENCES)}  # fmt: skip
_OPS = {"elementwise-unary": len(elementwise.FUNCTIONS), "elementwise-grad": len(elementwise.FUNCTIONS),
        "elementwise-binary": len(elementwise.BINARY), "broadcast-binary": len(elementwise.BINARY),
        "reduce": len(reduce.KINDS), "loss": len(loss.ELEMENTWISE), "loss-grad": len(loss.ELEMENTWISE)}  # fmt: skip
# Constants with more values than two, and what ops give them; any other whose default is 0 or 1 is a switch.
_VALUES: dict[str, tuple[int, ...]] = {
    "AXES": (1, 2, 3, 4, 5), "BAND": (4, 8), "BLOCK": (), "BOUND": (1, 2), "CHUNK": (), "EACH": (1,),
    "FORM": (1, 2), "FROM": (1, 2, 3), "KIND": (1, 2, 3), "LEARN": (1,), "LOCAL": (), "MODE": (1, 2, 3), "NORM": (0, 1),
    "ENCODING": (1, 2), "PER": (2, 8), "ROWS": (8, 16), "SPACE": (128,), "TALL": (), "TILE": (1, 4), "TO": (1, 2, 3),
    "SIDE": (1, 2), "SIDE_Y": (1,),
    "SURROGATE": tuple(range(2, surrogate.KINDS.index("text"))), "WALK": (1, 2), "WIDE": (2, 4), "WORDS": (16,),
}  # fmt: skip


def _values(kernel: str, constant: str, default: int) -> tuple[int, ...]:
    """The other values of a specialization constant."""
    if constant == "OP":
        return tuple(range(1, _OPS.get(kernel.split(".")[0], 1)))
    if constant == "MODEL":
        name = next((m for m in _MODELS if kernel.startswith(m)), "")
        return tuple(i for i in range(_MODELS.get(name, 2)) if i != default)
    if kernel in ON_MATRICES and constant not in ("FORM", "BIAS"):  # sizes, which must be the device's
        return ()
    if constant == "ROWS" and "lanes" not in kernel:
        return (8,)
    if constant in _VALUES:
        return _VALUES[constant]
    return (1 - default,) if default in (0, 1) else ()


def names(lanes: bool, matrices: bool) -> list[str]:
    """The kernels that a device would use, with those by lanes (`DeviceInfo.lanes`) and on matrix units or without."""
    others = (*(() if lanes else ("-lanes",)), *(() if matrices else ("-matrices",)))
    return [name for name in Kernels().names() if not any(other in name for other in others)]


def variants(kernels: Kernels, name: str, usual: Specs = ()) -> Iterator[Specs]:
    """Each specialization constant changed by itself, and steps in blocks, as long runs on a CPU take them."""
    face = kernels.module(name)[1]
    for s in face.specs:
        for value in _values(name, s.name, s.default):
            yield (*usual, (s.name, value))
    if any(s.name == "BLOCK" for s in face.specs):
        yield (("CHUNK", 2), ("BLOCK", 8))


def needs(kernels: Kernels, name: str, local: int, specs: Specs = ()) -> dict[str, int]:
    """What a kernel asks of the device's limits."""
    code, face = kernels.module(name)
    return needs_of(code, face, local, dict(specs))


@functools.lru_cache(1)
def needs_of_all(lanes: bool, matrices: bool = False, local: int = 64) -> dict[str, dict[str, int]]:
    """By kernel, of those that a device would use; of shared memory, the most that any variant needs."""
    kernels = Kernels()
    out = {}
    for name in names(lanes, matrices):
        most = needs(kernels, name, local)
        if most["shared memory"]:
            each = [needs(kernels, name, local, specs)["shared memory"] for specs in variants(kernels, name)]
            most["shared memory"] = max([most["shared memory"], *each])
        out[name] = most
    return out


def checks() -> list[Check]:
    """The row about every kernel as it is."""
    return [Check("kernels", "with default constants", functools.partial(_compiled, False), HINT, 45.0)]


def other_checks() -> list[Check]:
    """The row about other constants: where compiling takes long, it gets what time the other checks leave."""
    return [Check("more kernels", "with other constants, one by one", functools.partial(_compiled, True), HINT, 60.0)]


def _compiled(others: bool, time: Time) -> list[Found]:
    """Makes the pipelines; a row for all of them, and one for each that fails."""
    main = engine()
    # Neither the pipelines that earlier runs kept nor a device that a bad kernel loses may touch the other checks.
    with_own = Engine(main.info, dataclasses.replace(main.config, pipeline_cache=False, segment_bytes=1 << 16))
    segment = with_own.alloc(1024).block.segment
    todo: list[tuple[str, Specs]] = []
    for name in names(main.info.lanes, not main.matrices.lacking):
        usual = tuple(main.matrices.tile((1, 1), 1, 1, name)._asdict().items()) if name in ON_MATRICES else ()
        todo += [(name, s) for s in variants(with_own.kernels, name, usual)] if others else [(name, usual)]
    if others and time.quick:
        todo = todo[::10]
    bad: list[Found] = []
    made = 0
    for name, specs in todo:
        if time.left < 0:
            break
        label = f"{name} {' '.join(f'{k}={v:g}' for k, v in specs)}".strip()
        made += 1
        if label in time.crashed:
            bad.append(Found("making it ready ended the process", FAIL, {}, label))
            continue
        time.note(label)
        found = _fails(with_own, main.info, name, specs, segment)
        if found:
            bad.append(Found(found, FAIL, {}, label))
            if with_own.dead is not None or len(bad) > 20:
                break
    status = FAIL if bad else CUT if made < len(todo) else PASS
    text = f"{made - len(bad)} of {len(todo)} made ready"
    text += f"; {len(bad)} can't be" if bad else " in the time given" if made < len(todo) else ""
    return [Found(text, status, {"made": made - len(bad), "of": len(todo)}), *bad]


def _fails(on: Engine, info: DeviceInfo, name: str, specs: Specs, segment: Any) -> str:
    """Why a kernel can't be used on the device; "" if it can."""
    _, capabilities = declared(on.kernels.module(name)[0], {})
    beyond = capabilities - PLAIN - (MATRICES if name in ON_MATRICES else set())
    if beyond and not info.subgroup_ballot:
        return f"needs {', '.join(NAMES.get(c, str(c)) for c in sorted(beyond))}"
    try:
        pipeline = on.kernels.pipeline(name, specs, on.local)
        pipeline.program(on.device, (segment,) * len(pipeline.bindings), 1)
        pipeline.forget(lambda program: True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
