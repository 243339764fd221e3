"""The GLSL of a neuron of grilly_vk.sim: sim-model.glsl, which the kernel sim-advance takes in."""

from __future__ import annotations

from collections.abc import Iterable

from .expression import Expression, Statement
from .printing import GLSL
from .step_model import HEARS, TESTS, StepModel


class _Step(GLSL):
    """Every number but a literal is each neuron's own, and so are conditions."""

    def narrow(self, e: Expression) -> bool:
        """Whether it is a float, in the variant of four elements too."""
        return not e.names and super().narrow(e)

    def where(self, test: Expression, a: Expression, b: Expression) -> str:
        condition = HEARS if test.op == "name" else self.of(test)
        return f"mix({self.wide(b)}, {self.wide(a)}, {condition})"


def source(model: StepModel) -> str:
    """sim-model.glsl: sizes of a neuron's arrays, and its functions."""
    low = model.lowered
    printer = _printer(model)
    everything = (*low.begin, *low.step, *low.arrive, *low.reset, Statement("", low.fires))
    tanh = any(e.op == "tanh" for s in everything for e in s.value.walk())
    names = ", ".join(f"{i} {n}" for i, n in enumerate(model.states))
    at = model.refractory_at if model.refractory else model.count
    repeat = model.substeps > 1
    inner = "        " if repeat else "    "
    lines = [
        f"// The neuron {model.name}, made of its record by grilly_vk/equations/step_glsl.py.  States: {names}.",
        f'#include "{"special" if tanh else "math"}.glsl"',
        f"const uint STATES = {len(model.states)};",
        f"const uint NUMBERS = {model.count};",
        f"const uint RECEPTORS = {max(1, len(model.receptors))};",
        f"const uint REFRACTORY = {at}; // NUMBERS: none",
        "",
        "void model_step(inout REAL s[STATES], REAL c[NUMBERS], REAL arrived[RECEPTORS], REAL current, TEST hears)",
        "{",
        *_load(model),
        *_block(low.begin, printer, set(model.states), "    "),
        *([f"    for (uint part = 0; part < {model.substeps}; part++) {{"] if repeat else []),
        *_block(low.step, printer, {*model.states, *(s.target for s in low.begin)}, inner),
        *([f"        {_held(printer, n, i)}" for i, n in enumerate(model.states) if n in model.held] if repeat else []),
        *(["    }"] if repeat else []),
        *_block(low.arrive, printer, {*model.states, *(s.target for s in low.step if not repeat)}, "    "),
    ]
    changed = {s.target for s in (*low.begin, *low.step, *low.arrive)}
    for i, state in enumerate(model.states):
        if state in changed:
            new = printer.names[state]
            lines.append(f"    s[{i}] = mix(s[{i}], {new}, hears);" if state in model.held else f"    s[{i}] = {new};")
    lines += [
        "}",
        "",
        "TEST model_fires(REAL s[STATES], REAL c[NUMBERS])",
        "{",
        *_load(model, low.fires.names),
        *(f"    precise REAL side_{i} = {printer.wide(side)};" for i, side in enumerate(low.fires.args)),
        f"    return {printer.of(Expression(low.fires.op, (_SIDES[0], _SIDES[1])))};",
        "}",
        "",
        "void model_reset(inout REAL s[STATES], REAL c[NUMBERS], TEST fired)",
        "{",
    ]
    reads = set().union(*(s.value.names for s in low.reset), (s.target for s in low.reset))
    lines += [*_load(model, reads), *_block(low.reset, printer, set(model.states), "    ")]
    set_ = {s.target for s in low.reset}
    lines += [f"    s[{i}] = mix(s[{i}], {printer.names[n]}, fired);" for i, n in enumerate(model.states) if n in set_]
    return "\n".join([*lines, "}"]) + "\n"


_SIDES = [Expression("name", (f"side_{i}",)) for i in range(2)]


def _printer(model: StepModel) -> _Step:
    """Names as the kernel has them: a text may call something what GLSL has a meaning for."""
    names = {f"number {i}": f"c[{i}]" for i in range(len(model.lowered.numbers))}
    names |= {state: f"state_{i}" for i, state in enumerate(model.states)}
    names |= {f"arrived_{receptor}": f"arrived[{i}]" for i, receptor in enumerate(model.receptors)}
    low = model.lowered
    for s in (*low.begin, *low.step, *low.arrive):
        names.setdefault(s.target, f"made_{len(names)}")
    return _Step(names, switches={test: test for test in TESTS})


def _load(model: StepModel, only: Iterable[str] | None = None) -> list[str]:
    wanted = set(model.states) if only is None else set(only)
    return [f"    precise REAL state_{i} = s[{i}];" for i, state in enumerate(model.states) if state in wanted]


def _held(printer: _Step, state: str, place: int) -> str:
    return f"{printer.names[state]} = mix(s[{place}], {printer.names[state]}, hears);"


def _block(given: Iterable[Statement], printer: _Step, made: set[str], indent: str) -> list[str]:
    out = []
    for s in given:
        new = "" if s.target in made else "precise REAL "
        made = {*made, s.target}
        out.append(f"{indent}{new}{printer.names[s.target]} = {printer.wide(s.value)};")
    return out
