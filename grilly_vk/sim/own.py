"""A neuron model of the user's own, from its differential equations."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from ..equations.given import numbers_by_name, texts_by_name
from ..equations.step_equations import arguments
from .model import Model

log = logging.getLogger("grilly_vk")


def equations(
    text: str,
    *,
    threshold: str,
    reset: str,
    parameters: Mapping[str, float],
    refractory: str = "",
    held: Sequence[str] | None = None,
    receptors: Mapping[str, str] | None = None,
    method: str | None = None,
    substeps: int = 1,
    initial: Mapping[str, float | str] | None = None,
    units: Mapping[str, str] | None = None,
    checks: Sequence[str] = (),
    define: str = "",
    name: str = "own",
) -> Model:
    """A neuron model from differential equations; times are in ms.

    Args:
        text: an equation a line: `dv/dt = (E - v + R*current) / tau : mV` for a state, `x = a*v : mV` for a value that
            others read; what follows # is a comment. The unit may be left out; `(unless refractory)` behind it says
            that the state keeps its value while the neuron is refractory. `current` is what electrodes inject.
        threshold: the condition under which it fires, such as "v > v_th"; it may read states, values and parameters.
        reset: statements such as "v = v_reset", divided by semicolons or lines.
        parameters: names with their defaults.
        refractory: the parameter that is the refractory period in ms; "" is none.
        held: states that keep their value while the neuron is refractory. By default those that the text marks; if it
            marks none, those that the threshold reads.
        receptors: what the weight of a spike that arrives is added to: {"exc": "g"}, or a statement such as
            {"exc": "g = g + arrived_exc / tau"}. It is added at the end of the step.
        method: "exact" for linear equations with constant coefficients (the matrix exponential), "exponential_euler"
            for those that are linear in their own state, "euler", "heun" or "rk4". By default exact where that is
            possible, else rk4, in which states that are linear by themselves are exact. The log says which.
        substeps: parts of a time step.
        initial: what states begin with, numbers or texts of parameters; 0 by default.
        units: of parameters and `current`, such as {"tau": "ms"}. Where all units of an equation are known they must
            fit, scales too: mV, V, ms, s, pA, nA, nS, uS, MOhm, pF, nF, Hz, 1, their products and quotients.
        checks: conditions of parameters that must hold, such as "tau > 0".
        define: functions that the texts may call, such as "rate(v) = exp(v / 10)", a line each; `exprel(x)`, which is
            (exp(x) - 1) / x, is one.
        name: for messages.

    Raises:
        ValueError: a text is none of the language, units don't fit, a method can't be used (these are EquationError,
            and name the line), or another argument is none of what is expected.
        TypeError: an argument of another type.
    """
    parameters, stated = numbers_by_name("parameters", parameters), texts_by_name("units", units or {})
    unknown = [n for n in stated if n not in (*parameters, "current")]
    if unknown:
        raise ValueError(f"units must be of parameters or current, got {unknown[0]!r}")
    given, scheme, system = arguments(
        name, text, threshold=threshold, reset=reset, parameters=parameters, refractory=refractory, held=held,
        receptors=receptors, initial=initial, method=method, substeps=substeps, define=define, checks=checks,
        units=stated,
    )  # fmt: skip
    said = {n: line.unit for n, line in system.slopes.items() if line.unit}
    model = Model(name, **given, units={**said, **stated})
    if method is None:
        exact = ", ".join(scheme.exactly)
        also = f" ({exact} exactly)" if exact and scheme.method != "exact" else ""
        log.info("the neuron model %r is integrated by method %r%s", name, scheme.method, also)
    return model
