"""A neuron's differential equations, threshold and reset as text, and the record of a step that they become."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import units as dimensions
from .expression import Expression, Statement, expression, number, statements, text_of
from .given import came, count, functions_of, identifier, starts_by_name, texts_by_name, texts_in
from .integrators import METHODS, Scheme, integrate
from .odes import Line, System, known, read
from .step_model import EXPREL, MOST_SUBSTEPS, condition
from .units import WRITTEN


def arguments(
    name: str,
    equations: str,
    *,
    threshold: str,
    reset: str,
    parameters: Mapping[str, float],
    refractory: str = "",
    held: Sequence[str] | None = None,
    receptors: Mapping[str, str] | None = None,
    initial: Mapping[str, float | str] | None = None,
    method: str | None = None,
    substeps: int = 1,
    begin: str = "",
    define: str = "",
    units: Mapping[str, str] | None = None,
    **others: Any,
) -> tuple[dict[str, Any], Scheme, System]:
    """What StepModel takes, of equations; see grilly_vk.sim.equations for the arguments.

    Raises:
        EquationError: a text that is none; names the line.
        ValueError: an unknown method, or an initial value of what is no state.
    """
    if method is not None and not (isinstance(method, str) and method in METHODS):
        raise ValueError(f"method must be None or one of {', '.join(METHODS)}, got {came(method)}")
    substeps = count("substeps", substeps, MOST_SUBSTEPS)
    refractory = text_of("refractory", refractory)
    receptors, starts = texts_by_name("receptors", receptors or {}), starts_by_name("initial", initial or {})
    functions = functions_of(f"define of {identifier('name', name)!r}", define, [EXPREL])
    system = read(f"the equations of {name!r}", equations, functions)
    known(system, [*parameters, "current", *WRITTEN])
    dimensions.check(system, units or {})
    system = _without_units(system, parameters)
    values = system.inlined
    fires = expression(f"threshold of {name!r}", threshold, functions)
    condition(f"threshold of {name!r}", fires, [*system.slopes, *system.values, *starts, *parameters, "dt"])
    resets = statements(f"reset of {name!r}", reset, functions)
    if held is None:
        watched = fires.put(values).names
        held = system.held or [s for s in system.slopes if s in watched] * bool(refractory)
    held = texts_in("held", held)
    scheme = integrate(system, method, parameters, held if refractory else (), substeps)
    before = statements(f"begin of {name!r}", begin, functions)
    more = [s for s in starts if s not in system.slopes and s not in {b.target for b in before}]
    if more:
        raise ValueError(f"initial must name states, got {more[0]!r}; the states are {', '.join(system.slopes)}")
    arrive = [t if "=" in t else f"{t} = {t} + arrived_{r}" for r, t in receptors.items()]
    record = {
        "states": {**dict.fromkeys(system.slopes, 0.0), **starts},
        "parameters": parameters,
        "constants": scheme.constants,
        "receptors": tuple(receptors),
        "begin": (*scheme.begin, *before),
        "substeps": substeps,
        "step": tuple(scheme.statements),
        "fires": fires.put(values),
        "reset": tuple(Statement(s.target, s.value.put(values)) for s in resets),
        "refractory": refractory,
        "held": held if refractory else (),
        "arrive": "\n".join(arrive),
        "define": define,
        **others,
    }  # fmt: skip
    return record, scheme, system


def _without_units(system: System, parameters: Collection[str]) -> System:
    """With 1 in place of names of units, such as 0.04 / ms / mV holds."""
    own = {*parameters, *system.slopes, *system.values}
    ones = {Expression("name", (n,)): number(1) for n in WRITTEN if n not in own}

    def plain(lines: Mapping[str, Line]) -> dict[str, Line]:
        return {n: replace(line, value=line.value.put(ones)) for n, line in lines.items()}

    return System(plain(system.slopes), plain(system.values), system.held)
