"""A recurrence over time as one record: states, constants and the equations of a step, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from .adjoint import Adjoint, adjoint, separate
from .derivative import ZERO, add, multiply
from .expression import Expression, Statement, expression, name, statements

SLOPE = "the slope"  # of a spike


@dataclass(frozen=True)
class Spike:
    """A spike among the statements of a step.

    Args:
        name: what the statements call it.
        of: the name that it depends on.
        distance: what the surrogate takes for the derivative of the one by the other.
    """

    name: str
    of: str
    distance: Expression


@dataclass(frozen=True, eq=False)
class Recurrence:
    """What each step makes of an input x and of one or two states: their new values, and an output.

    Args:
        name: of the recurrence.
        states: each with what it begins with where no value is given, an expression of the constants.
        constants: at most four, each a number or a tensor of one element, which gets a gradient.
        step: statements that set the states, and names between.
        output: the state or name that is the output.
        keep: at most two states or names, whose values at each step the way back reads.
        before: of states, the values before the step are kept, not those after it.
        spike: one whose derivative is a surrogate's; then the constants have no gradients.
    """

    name: str
    states: Mapping[str, str]
    constants: tuple[str, ...]
    step: str
    output: str
    keep: tuple[str, ...]
    before: bool = False
    spike: Spike | None = None

    @cached_property
    def starts(self) -> list[Expression]:
        """What the states begin with."""
        return [expression(f"{self.name}: start of {state}", text) for state, text in self.states.items()]

    @cached_property
    def steps(self) -> list[Statement]:
        """The statements, each of which sets a name of its own."""
        return self._separate[0]

    @cached_property
    def after(self) -> dict[str, str]:
        """What names are called after the step."""
        return self._separate[1]

    @cached_property
    def _separate(self) -> tuple[list[Statement], dict[str, str]]:
        return separate(statements(f"{self.name}: step", self.step), self.states)

    @cached_property
    def kept(self) -> list[str]:
        """The names of `keep` as `steps` calls them."""
        return list(self.keep) if self.before else [self.after[kept] for kept in self.keep]

    @cached_property
    def back(self) -> Adjoint:
        """From g, the gradient of the output, and those of the states after the step, g_STATE, to those before it."""
        return self._back(())

    @cached_property
    def back_to_constants(self) -> Adjoint:
        """As `back`, with the constants' gradients."""
        return self._back(self.constants if self.spike is None else ())

    def _back(self, constants: tuple[str, ...]) -> Adjoint:
        seeds = {self.after[state]: name(f"g_{state}") for state in self.states}
        output = self.after[self.output]
        seeds[output] = add(seeds.get(output, ZERO), name("g"))
        return adjoint(
            self._smooth(), seeds, ("x", *self.states, *constants), kept=self.kept, switches=["detach"]
        )  # fmt: skip

    def _smooth(self) -> list[Statement]:
        """The statements, the spike one with a derivative; what follows it has none where it is detached."""
        spike = self.spike
        if spike is None:
            return self.steps
        still = {name(spike.name): Expression("where", (name("detach"), name("still"), name(spike.name)))}
        out: list[Statement] = []
        for s in self.steps:
            if s.target == spike.name:
                out.append(Statement(s.target, multiply(name(spike.of), name(SLOPE))))
            else:
                out.append(Statement(s.target, s.value.put(still)))
        return out

    @cached_property
    def reads(self) -> dict[bool, frozenset[str]]:
        """What the way back reads of each step, "x" or names of `keep`; of True: with gradients of the constants."""
        return {which: self._reads(found) for which, found in ((False, self.back), (True, self.back_to_constants))}

    def _reads(self, found: Adjoint) -> frozenset[str]:
        names = {"x"} & found.names
        if self.spike is not None:
            return frozenset({*names, self.spike.of})
        return frozenset(names | {kept for kept, inner in zip(self.keep, self.kept) if {kept, inner} & found.names})
