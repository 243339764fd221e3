"""The GLSL of recurrences, which snn-synapse-forward and its way back take in: start, step and adjoint of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .derivative import ZERO, choose, derivative, multiply, negative
from .expression import Expression, name
from .printing import GLSL
from .recurrence import SLOPE, Recurrence

SLOTS, PARTS, KEPT = "ab", "xyzw", ("left", "right")  # what states, constants and kept names are called there


def source(models: Sequence[Recurrence]) -> str:
    """An include file with the functions of all recurrences, chosen by the kernel's constant MODEL."""
    two = [i for i, m in enumerate(models) if len(m.states) == 2]
    parts = [
        "// Made of the records in grilly_vk/equations/synapses.py; see recurrence.glsl.",
        *(f"const uint {m.name.upper()} = {i};" for i, m in enumerate(models)),
        f"const bool TWO_STATES = {' || '.join(f'MODEL == {i}' for i in two)};",
        "",
        "// What the states begin with.",
        _function("void start(out REAL a, out REAL b, vec4 c)", models, _start, ["b = REAL(0);"]),
        "#ifndef REVERSE",
        "// One step, and what the way back reads of it.",
        _function(
            "void step(REAL x_now, inout REAL a, inout REAL b, vec4 c,\n"
            "          out REAL y_now, out REAL keep_left, out REAL keep_right)",
            models, _step, ["keep_right = REAL(0);"],
        ),
        "#else",
        "// From the gradients g of the output and ga, gb of the states after step t to those before it and of x.",
        _function(
            "void back(uint i, uint t, uint at, vec4 c, REAL g,\n"
            "          out REAL of_x, inout REAL ga, inout REAL gb, inout REAL sums[4])",
            models, _back,
        ),
        "// What the constants get of the gradients of the first states, where nothing gave these.",
        _function("void start_back(REAL ga, REAL gb, inout REAL sums[4], vec4 c)", models, _start_back),
        "#endif",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _function(
    head: str, models: Sequence[Recurrence], body: Callable[[Recurrence], list[str]], first: Sequence[str] = ()
) -> str:
    out = [head, "{", *(f"    {line}" for line in first)]
    for m in models:
        lines = body(m)
        if lines:
            out += [f"    if (MODEL == {m.name.upper()}) {{", *(f"        {line}" for line in lines), "    }"]
    return "\n".join([*out, "}"])


def _glsl(model: Recurrence, quick: bool, names: Mapping[str, str]) -> GLSL:
    constants = {c: f"c.{part}" for c, part in zip(model.constants, PARTS)}
    return GLSL({**constants, **names}, model.constants, {"detach": "DETACH == 1"}, quick)


def _start(model: Recurrence) -> list[str]:
    glsl = _glsl(model, False, {})
    return [f"{slot} = {glsl.wide(start)};" for slot, start in zip(SLOTS, model.starts)]


def _step(model: Recurrence) -> list[str]:
    names = dict(zip(model.states, SLOTS)) | {s.target: f"{s.target}_made" for s in model.steps}
    glsl = _glsl(model, False, names | {"x": "x_now"})
    lines = [f"precise REAL {names[s.target]} = {glsl.wide(s.value)};" for s in model.steps]
    kept = [f"keep_{slot} = {names[inner]};" for slot, inner in zip(KEPT, model.kept)]
    lines = [*kept, *lines] if model.before else [*lines, *kept]
    lines += [f"{slot} = {names[model.after[state]]};" for state, slot in zip(model.states, SLOTS)]
    return [*lines, f"y_now = {names[model.after[model.output]]};"]


def _back(model: Recurrence) -> list[str]:
    back = model.back_to_constants
    slots = dict(zip(model.states, SLOTS))
    names = {f"g_{state}": f"g{slot}" for state, slot in slots.items()} | {SLOPE: "slope"}
    names |= {n: f"{n}_was" for n in (*model.states, *model.kept)} | {s.target: f"{s.target}_made" for s in back.lines}
    glsl = _glsl(model, True, names | {"x": "x_was"})
    lines = []
    for read in ["x", SLOPE, *dict.fromkeys([*model.states, *model.kept])]:
        if read in back.names:
            value = _read(model, read)
            own = read in model.back.names  # else it is for the constants alone
            lines.append(f"REAL {glsl.name(read)} = {value if own else f'SUMS > 0 ? {value} : REAL(0)'};")
    lines += [f"REAL {glsl.name(s.target)} = {glsl.wide(_spread(s.value))};" for s in back.lines]
    for i, constant in enumerate(model.constants):
        slope = back.gradients.get(constant, ZERO)
        lines += [] if slope == ZERO else [f"sums[{i}] += {glsl.wide(_spread(slope))};"]
    lines += [f"REAL {n} = {glsl.wide(_spread(back.gradients[of]))};" for n, of in zip(("na", "nb"), model.states)]
    lines.append(f"of_x = {glsl.wide(_spread(back.gradients['x']))};")
    return [*lines, *(f"{old} = {new};" for old, new, _ in zip(("ga", "gb"), ("na", "nb"), model.states))]


def _read(model: Recurrence, read: str) -> str:
    """A value of step t."""
    if read == "x":
        return "AT(x_or_b0, at)"
    if read == SLOPE and model.spike is not None:
        z = _glsl(model, True, {model.spike.of: "AT(left, at)"}).wide(model.spike.distance)
        return f"SURROGATE == 0 ? AT(right, at) : surrogate(SURROGATE, {z}, p.alpha, p.beta)"
    if read in model.kept:
        return f"AT({KEPT[model.kept.index(read)]}, at)"
    return f"{SLOTS[list(model.states).index(read)]}_before(i, t, at, c)"


def _start_back(model: Recurrence) -> list[str]:
    glsl, lines = _glsl(model, True, {}), []
    for slot, start in zip(SLOTS, model.starts):
        for i, constant in enumerate(model.constants):
            slope = derivative(start, constant) if model.spike is None else ZERO
            if slope != ZERO:
                lines += [
                    f"if (!{slot.upper()}_GIVEN)",
                    f"    sums[{i}] += {glsl.of(multiply(name(f'g{slot}'), slope))};",
                ]
    return lines


def _spread(e: Expression) -> Expression:
    """Factors of a choice as factors of both its sides, so that an infinite one meets no 0 of the other side."""
    if not e.parts:
        return e
    e = Expression(e.op, tuple(_spread(part) for part in e.args))
    if e.op == "neg" and e.args[0].op == "where":
        test, a, b = e.args[0].args
        return choose(test, negative(a), negative(b))
    if e.op == "*":
        for one, other in (e.args, e.args[::-1]):
            if one.op == "where":
                test, a, b = one.args
                return choose(test, _spread(multiply(other, a)), _spread(multiply(other, b)))
    return e
