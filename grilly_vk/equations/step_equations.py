"""A neuron's differential equations, threshold and reset as text, and the record of a step that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .expression import Expression, Statement, expression, statements
from .integrators import METHODS, Scheme, integrate
from .odes import System, known, read
from .printing import text as shown
from .step_model import defined


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
    **others: Any,
) -> tuple[dict[str, Any], Scheme, System]:
    """What StepModel takes, of equations; see grilly_vk.sim.equations for the arguments.

    Raises:
        EquationError: a text that is none; names the line.
        ValueError: an unknown method, or an initial value of what is no state.
    """
    if method is not None and method not in METHODS:
        raise ValueError(f"method must be None or one of {', '.join(METHODS)}, got {method!r}")
    functions = defined(f"define of {name!r}", define)
    system = read(f"the equations of {name!r}", equations, functions)
    known(system, [*parameters, "current"])
    if held is None:
        watched = expression(f"threshold of {name!r}", threshold, functions).names
        held = system.held or [s for s in system.slopes if s in watched] * bool(refractory)
    scheme = integrate(system, method, parameters, held if refractory else (), substeps)
    before = statements(f"begin of {name!r}", begin, functions)
    starts = dict(initial or {})
    more = [s for s in starts if s not in system.slopes and s not in {b.target for b in before}]
    if more:
        raise ValueError(f"initial must name states, got {more[0]!r}; the states are {', '.join(system.slopes)}")
    receptors = receptors or {}
    arrive = [t if "=" in t else f"{t} = {t} + arrived_{r}" for r, t in receptors.items()]
    record = {
        "states": {**dict.fromkeys(system.slopes, 0.0), **starts},
        "parameters": parameters,
        "constants": scheme.constants,
        "receptors": tuple(receptors),
        "begin": (*scheme.begin, *before),
        "substeps": substeps,
        "step": tuple(scheme.statements),
        "fires": _inlined(threshold, system, functions, f"threshold of {name!r}"),
        "reset": reset,
        "refractory": refractory,
        "held": tuple(held) if refractory else (),
        "arrive": "\n".join(arrive),
        "define": define,
        **others,
    }  # fmt: skip
    return record, scheme, system


def _inlined(condition: str, system: System, functions: Mapping[str, Any], what: str) -> str:
    """With the equations of values in place of their names."""
    values: dict[Expression, Expression] = {}
    for statement in (Statement(n, line.value) for n, line in system.values.items()):
        values[Expression("name", (statement.target,))] = statement.value.put(values)
    return shown(expression(what, condition, functions).put(values))
