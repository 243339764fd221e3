"""A neuron model as one record: its equations as text, and what kernels, layers and tests take of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from .derivative import derivative
from .expression import CONSTANTS, EquationError, Expression, expression, statements, text_of
from .given import check, functions_of, identifier, numbers_by_name, own_names, texts_by_name
from .printing import evaluate, text

SLOTS = 6  # numbers of a model beside k and rest, as the kernels' push constants have room for
GIVEN = ("threshold", "reset", "rest")  # names of every node's settings
SWITCHES = {"hard": "HARD == 1", "decay_input": "DECAY_INPUT == 1"}  # conditions that are constants of the kernel
RESET = "where(hard, reset, h - threshold)"
LEARNABLE = Expression("name", ("the w",))  # w in `learn`; a state may be called w
_RESERVED = {"x", "h", "s", *CONSTANTS, *GIVEN, *SWITCHES}


class NeuronModel:
    """The equations of a spiking neuron, in steps of time.

    Each step: `charge` makes h, the potential, of the input x and the states; the neuron `fires`, s = 1, or does not,
    s = 0; where it fired the potential becomes `reset`, else h; `after` moves the second state on.

    Args:
        title: a name for messages, a Python identifier.
        charge: statements such as "h = v + (x - v) * k"; they may set the second state and names of their own before.
        state: the states with their values at the start, the potential first; one or two.  By default v, which starts
            at v_reset, or at 0 where that is None.
        parameters: settings of the neuron with their values.
        derived: numbers that follow from the parameters, such as {"k": "1 / tau"}; in float64, before the kernel.
        learn: a parameter or derived number that trains, such as {"k": "sigmoid(w)"}: what it is by the learnable
            number w.  The charge alone can read it.
        fires: h compared with a level, such as "h >= threshold + beta * u"; ">" needs more than the level.
        reset: the potential after a spike; by default v_reset, or h - threshold where that is None.
        after: a statement for the second state such as "u = u + b * s".
        define: functions that the texts may call, such as "leak(x) = v + (x - v) * k".

    Beside these names the texts know x, h, `threshold` and `reset` (the settings v_threshold and v_reset), `rest`
    (v_reset, or 0 where that is None), `hard` (whether v_reset is a number), pi, `+ - * / **` (powers from 1 to 8), and
    where, max, min, clip, abs, exp, log, sqrt, sin, cos, tanh and sigmoid. A condition, `> >= < <= == !=` or `hard`,
    stands first in where. Statements are divided by semicolons or lines.

    Raises:
        EquationError (a ValueError): a text is none of the language, or reads a name that is not there; the message
            has the text and the place.
        TypeError: texts that are no texts, mappings that are none.
    """

    def __init__(
        self,
        title: str,
        charge: str,
        *,
        state: Mapping[str, float] | None = None,
        parameters: Mapping[str, float] | None = None,
        derived: Mapping[str, str] | None = None,
        learn: Mapping[str, str] | None = None,
        fires: str = "h >= threshold",
        reset: str = RESET,
        after: str = "",
        define: str = "",
    ) -> None:
        self.title = identifier("title", title)
        self.starts = state is not None  # else the potential begins where a spike resets it
        self.state = MappingProxyType(numbers_by_name("state", {"v": 0.0} if state is None else state))
        self.parameters = MappingProxyType(numbers_by_name("parameters", parameters or {}))
        texts = {"charge": charge, "fires": fires, "reset": reset, "after": after, "define": define}
        self.texts = MappingProxyType({n: text_of(n, value) for n, value in texts.items()})
        self.derived = MappingProxyType(texts_by_name("derived", derived or {}))
        self.learn = MappingProxyType(texts_by_name("learn", learn or {}))
        self._read()

    def __setattr__(self, name: str, value: Any) -> None:
        if "learned" in self.__dict__:  # the last that is read; nodes and kernels are made of what was read
            raise AttributeError(f"{name} of a NeuronModel can't be assigned: make a new one")
        super().__setattr__(name, value)

    # ---- what it was made of ----

    def _key(self) -> tuple[Any, ...]:
        parts = (self.texts, self.state, self.parameters, self.derived, self.learn)
        return (self.title, self.starts, *(tuple(part.items()) for part in parts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NeuronModel) and self._key() == other._key()

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.title, dict(self._arguments()))

    def __deepcopy__(self, memo: Any) -> NeuronModel:
        return self

    def __repr__(self) -> str:
        parts = [repr(self.title), *(f"{name}={value!r}" for name, value in self._arguments())]
        return f"NeuronModel({', '.join(parts)})"

    def _arguments(self) -> list[tuple[str, Any]]:
        """Arguments that are not what they are by default."""
        plain = {"fires": "h >= threshold", "reset": RESET, "after": "", "define": ""}
        given: dict[str, Any] = dict(self.texts)
        given |= {n: dict(getattr(self, n)) for n in ("parameters", "derived", "learn")}
        given |= {"state": dict(self.state)} if self.starts else {}
        return [(name, value) for name, value in given.items() if value != plain.get(name, {})]

    # ---- reading ----

    def _read(self) -> None:
        defined = functions_of(self._what("define"), self.texts["define"])
        self.charge = statements(self._what("charge"), self.texts["charge"], defined)
        self.reset = expression(self._what("reset"), self.texts["reset"], defined)
        self.after = statements(self._what("after"), self.texts["after"], defined)
        fires = expression(self._what("fires"), self.texts["fires"], defined)
        if fires.op not in (">", ">=") or fires.args[0] != Expression("name", ("h",)) or "h" in fires.args[1].names:
            raise self._wrong("fires", "expected h >= or h > a level that does not hold h")
        self.strict, self.level = fires.op == ">", fires.args[1]
        self.host = {n: expression(f"derived {n!r} of {self.title!r}", t) for n, t in self.derived.items()}
        w = {Expression("name", ("w",)): LEARNABLE}
        self.learned = {n: expression(f"learn {n!r} of {self.title!r}", t).put(w) for n, t in self.learn.items()}
        self._check()

    def _what(self, part: str) -> str:
        return f"{part} of {self.title!r}"

    def _wrong(self, part: str, why: str) -> EquationError:
        return EquationError(f"{self._what(part)}: {self.texts[part]!r}: {why}")

    def _check(self) -> None:
        if not 1 <= len(self.state) <= 2:
            raise ValueError(f"state must name one or two states, got {len(self.state)}")
        own = [*self.state, *self.parameters, *self.derived]
        parts = {"states": self.state, "parameters": self.parameters, "derived numbers": self.derived}
        own_names(self.title, parts, _RESERVED)
        for name, value in self.host.items():
            self._known(f"derived {name!r}", text(value), value, self.parameters)
        if len(self.learn) > 1:
            raise ValueError(f"learn of {self.title!r} must name one number, got {', '.join(self.learn)}")
        for name, value in self.learned.items():
            if "w" in own and value != LEARNABLE:
                raise ValueError(f"{self.title!r} learns w, so that no state or parameter can be called w")
            if name not in (*self.parameters, *self.derived):
                raise ValueError(f"learn of {self.title!r} names {name!r}, which is not a parameter or derived number")
            self._known(f"learn {name!r}", text(value), value, LEARNABLE.names)
        every = [*self.parameters, *self.derived, *GIVEN, *SWITCHES]
        known: set[str] = {"x", *self.state, *every}
        made: set[str] = set()
        for s in self.charge:
            self._known("charge", text(s.value), s.value, known)
            if s.target in (*every, "x", "s", self.potential):
                raise self._wrong("charge", f"{s.target} can't be given a value; h is the potential after the charge")
            known.add(s.target)
            made.add(s.target)
        if "h" not in made:
            raise self._wrong("charge", "expected a statement that sets h, the potential, such as 'h = v + x'")
        second = [] if self.second is None else [self.second]
        self._known("fires", self.texts["fires"], self.level, [*second, *every])
        self._known("reset", self.texts["reset"], self.reset, ["h", *every])
        for s in self.after:
            if s.target != self.second or len(self.after) > 1:
                raise self._wrong("after", "expected one statement that sets the second state")
            self._known("after", self.texts["after"], s.value, [*second, "s", *every])
        for name in self.learned:
            self._learned_in_charge(name)
        if len(self.numbers) > SLOTS:
            raise ValueError(f"{self.title!r} has {len(self.numbers)} numbers; a kernel takes {SLOTS}: {self.numbers}")

    def _learned_in_charge(self, name: str) -> None:
        """A gradient comes from the charge alone, and to the number itself alone."""
        for part, value in (("fires", self.level), ("reset", self.reset), *(("after", s.value) for s in self.after)):
            if name in value.names:
                raise self._wrong(part, f"{name} is learned, and what is learned can be read by charge alone")
        for other, value in self.host.items():
            if name in value.names and other in self.reads:
                why = f"{name} is learned, and {other} would not follow; write {text(value)} in charge"
                raise EquationError(f"derived {other!r} of {self.title!r}: {text(value)!r}: {why}")

    def _known(self, part: str, shown: str, value: Expression, known: Any) -> None:
        check(self._what(part), value, known, SWITCHES, shown)

    # ---- what others take of it ----

    @property
    def potential(self) -> str:
        """The name of the first state."""
        return next(iter(self.state))

    @property
    def second(self) -> str | None:
        """The name of the second state."""
        return [*self.state, None][1]

    @cached_property
    def reads(self) -> set[str]:
        """Every name that the equations read."""
        return set().union(*(e.names for e in self.expressions))

    @property
    def expressions(self) -> list[Expression]:
        """The right sides of all equations."""
        return [*(s.value for s in (*self.charge, *self.after)), self.level, self.reset]

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The names of c0, c1, ... of the kernels: what it reads of parameters and derived numbers, but k."""
        return tuple(n for n in (*self.parameters, *self.derived) if n in self.reads and not (n == "k" and self.has_k))

    @cached_property
    def has_k(self) -> bool:
        """Whether a number k is read by the charge alone, which has a place of its own in the kernels."""
        others = (self.level, self.reset, *(s.value for s in self.after))
        read = "k" in self.reads and not any("k" in e.names for e in others)
        return read and "k" in (*self.parameters, *self.derived)

    @cached_property
    def moves(self) -> bool:
        """Whether the level moves with the second state."""
        return self.second in self.level.names

    @cached_property
    def recovers(self) -> bool:
        """Whether the second state follows the potential in the charge, which leaves no room for refractory steps."""
        behind: set[str] = {"h", self.potential}
        for s in self.charge:
            if s.value.names & behind:
                behind.add(s.target)
        return self.second in behind

    @property
    def learnable(self) -> str | None:
        """The name of the learnable number: the number's own where w is all there is to it, else w."""
        for name, value in self.learned.items():
            return name if value == LEARNABLE else "w"
        return None

    def first_learnable(self, value: float) -> float:
        """The learnable number for which what is learned has this value.

        Raises:
            ValueError: none was found.
        """
        (formula,) = self.learned.values()
        slope, own = derivative(formula, LEARNABLE.args[0]), LEARNABLE.args[0]

        def at(e: Expression, w: float) -> float:
            try:
                return float(evaluate(e, {own: w}, HostMath))
            except (ArithmeticError, ValueError):  # there is none there
                return math.nan

        for w in (0.0, 1.0, -1.0):
            apart = at(formula, w) - value
            for _ in range(100):  # Newton's method, with steps that bring it closer
                steep = at(slope, w)
                step = apart / steep if steep else 0.0
                while abs(step) > 1e-15 and not abs(at(formula, w - step) - value) < abs(apart):
                    step /= 2
                if abs(apart) < 1e-12 or not abs(step) > 1e-15:
                    break
                w -= step
                apart = at(formula, w) - value
            if abs(apart) < 1e-9 * max(1.0, abs(value)):
                return w
        shown = text(formula.put({LEARNABLE: Expression("name", ("w",))}))
        raise ValueError(f"learn of {self.title!r}: found no w for which {shown} is {value:g}")

    def numbers_of(self, owner: Any) -> tuple[float, ...]:
        """The values of `numbers`, from the attributes of an object that has the parameters' names."""
        return tuple(0.0 if n in self.learned else self.value_of(n, owner) for n in self.numbers)

    def value_of(self, name: str, owner: Any) -> float:
        """The value of one number."""
        made = self.host.get(name)
        if made is None:
            return float(getattr(owner, name))
        values = {n: getattr(owner, n) for n in sorted(made.names)}
        try:
            found, why = float(evaluate(made, values, HostMath)), "is not finite"
        except (ArithmeticError, ValueError) as error:
            found, why = math.nan, f"has no value ({error})"
        if not math.isfinite(found):
            given = ", ".join(f"{n} = {value:g}" for n, value in values.items())
            raise ValueError(f"derived {name!r} of {self.title!r}: {text(made)!r} {why} where {given}")
        return found

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The parameters that say more than where a learnable number starts."""
        made = {
            n
            for name, value in self.host.items()
            if name in self.reads and name not in self.learned
            for n in value.names
        }
        return tuple(n for n in self.parameters if n not in self.learned and (n in self.reads or n in made))

    def step(self, x: Any, states: Mapping[str, Any], values: Mapping[str, Any], m: Any) -> tuple[Any, Any, Any, Any]:
        """One step by functions of numpy's names, for references: h, the second state then, the level, and `after`.

        Args:
            x: the input.
            states, values: by name; values holds numbers, GIVEN and SWITCHES.
            m: numpy, or a module like it.

        Returns:
            h, the second state before the spike (None without one), the level, and a function from s to the second
            state after it.
        """
        names = {**values, **states, "x": x}
        for s in self.charge:
            names[s.target] = evaluate(s.value, names, m)
        second = names.get(self.second) if self.second else None

        def after(s: Any) -> Any:
            return evaluate(self.after[0].value, {**names, "s": s}, m) if self.after else second

        return names["h"], second, evaluate(self.level, names, m), after

    def formula(self) -> str:
        """The equations, a line each, as the documents show them."""
        lines = [f"{s.target} = {text(s.value)}" for s in self.charge]
        lines.append(f"s = [h {'>' if self.strict else '>='} {text(self.level)}]")
        lines.append(f"{self.potential} = {text(self.reset)} where s, else h")
        return "\n".join([*lines, *(f"{s.target} = {text(s.value)}" for s in self.after)])


def _made(title: str, given: dict[str, Any]) -> NeuronModel:
    return NeuronModel(title, **given)


class HostMath:
    """Functions of one number, by numpy's names."""

    exp, log, sqrt, sin, cos, tanh = math.exp, math.log, math.sqrt, math.sin, math.cos, math.tanh
    maximum, minimum, abs = max, min, abs

    @staticmethod
    def where(test: bool, a: float, b: float) -> float:
        return a if test else b
