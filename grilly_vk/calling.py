"""Calls that don't fit a signature: errors that name what was called, what came, and what it takes.

`welcome` goes over the public functions and classes once, when the package is imported, and puts each behind a wrapper
that lets everything through (0.1 us) and puts Python's own words for a wrong call into ours.  Operators stay as they
are, and modules see to their `forward` in `Module.__call__`, at no cost.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import re
import sys
import types
from typing import Any

from . import families

_PACKAGE = __name__.partition(".")[0]
_LONGEST = 170  # characters of a list of arguments in an error
_ALL = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_WORD = re.compile(r"\w+")
_wrapped: dict[Any, Any] = {}  # functions that have a wrapper, which several names may share


class Misfit:
    """What was wrong with a call, and what would be right: the parts of an error's text.

    Args:
        name: what was called.
        signature: what it takes, without self.
        args, named: what it was given.
    """

    def __init__(self, name: str, signature: inspect.Signature, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.name = name
        takes = list(signature.parameters.values())
        self.positional = [p.name for p in takes if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.known = [p.name for p in takes if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY)]
        self.open = any(p.kind is p.VAR_POSITIONAL for p in takes)
        self.more = any(p.kind is p.VAR_KEYWORD for p in takes)
        given = {*self.positional[: len(args)], *named}
        needed = [p for p in takes if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        self.missing = [p.name for p in needed if p.name not in given]
        self.twice = [n for n in self.positional[: len(args)] if n in named]
        self.unknown = [] if self.more else [n for n in named if n not in self.known]
        self.got = len(args)
        self.extra = [] if self.open else list(args[len(self.positional) :])

    def text(self) -> str:
        """The error's text, in one line of less than 300 characters."""
        if self.unknown:
            meant = families.meant(self.name, self.known, self.unknown[0])
            close = [] if meant else difflib.get_close_matches(self.unknown[0], self.known, 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            takes = self._listed(self.known)
            return f"{self.name} has no argument {self.unknown[0][:40]!r}{hint}; it takes {takes}{meant}"
        if self.twice:
            return f"{self.name} got {self.twice[0]} twice, by its place and by its name; give it once"
        if self.extra:
            most, kind = len(self.positional), type(self.extra[0]).__name__
            takes = f"at most {most} arguments by place ({self._listed(self.positional)})" if most else "no arguments"
            if most == 1:
                takes = f"one argument ({self.positional[0]})"
            return f"{self.name} takes {takes}, got {self.got}; the first too many is of type {kind}"
        if self.missing:
            meant = families.meant(self.name, self.known) or f"; it takes {self._listed(self.known)}"
            return f"{self.name} was not given {self._listed(self.missing)}{meant}"
        return ""

    @staticmethod
    def _listed(names: list[str]) -> str:
        text = ", ".join(names) if names else "nothing"
        return text if len(text) <= _LONGEST else text[: text.rindex(",", 0, _LONGEST - 5)] + ", ..."

    def around(self, outer: Misfit) -> Misfit:
        """Of a constructor within another: what the outer one takes itself comes first."""
        outer.known += [n for n in self.known if n not in outer.known]
        outer.unknown, outer.twice, outer.missing, outer.extra = self.unknown, self.twice, self.missing, self.extra
        return outer

    def renamed(self, name: str, first: str | None) -> Misfit:
        """Of a function that hands all arguments on, after its own first one if it has one."""
        self.name = name
        if first is not None:
            self.positional, self.known, self.got = [first, *self.positional], [first, *self.known], self.got + 1
        return self


def misfit(
    name: str, function: Any, args: tuple[Any, ...], named: dict[str, Any], bound: bool = False
) -> TypeError | None:
    """An error about a call that its signature forbids; None if it does not.

    Args:
        function: its first argument is left out if `bound`.
    """
    signature = inspect.signature(function)
    if bound:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    found = Misfit(name, signature, args, named)
    text = found.text()
    if not text:
        return None
    error = TypeError(text)
    error.misfit = found  # type: ignore[attr-defined]
    return error


def explained(
    error: TypeError, function: Any, owner: type | None, args: tuple[Any, ...], named: Any, name: str | None = None
) -> Any:
    """What a call that raised is told instead; None: what was raised.

    Args:
        owner: the class that the function is a method of.
        args, named: of the call, with self.
    """
    within = getattr(error, "misfit", None)
    if within is None and error.__traceback__ is not None and error.__traceback__.tb_next is not None:
        return None  # raised inside, not by the call
    bound = owner is not None and bool(args)
    name = _name(function, owner, args, name)
    if within is None:
        return misfit(name, function, args[1:] if bound else args, named, bound)
    code = function.__code__
    if function.__name__ == "__init__":  # a constructor that hands its options on
        if _maker(within.name) != _maker(name):
            return None
        takes = list(inspect.signature(function).parameters.values())
        found = within.around(Misfit(name, inspect.Signature(takes[1:]), args[1:], named))
    elif code.co_argcount <= 1 and code.co_flags & _ALL == _ALL:  # what hands everything on
        found = within.renamed(name, None if bound or not code.co_argcount else code.co_varnames[0])
    else:
        return None
    told = TypeError(found.text())
    told.misfit = found  # type: ignore[attr-defined]
    return told


def name_call(error: Exception, name: str, function: Any) -> None:
    """Puts what was called before the text of an error of ours that names neither that nor one of its arguments.

    Args:
        error: it is changed in place.
        name: of the call; of several, one in the other, that of the outermost.
        function: whose arguments they are.
    """
    known: str | None = getattr(error, "told", None)  # the text without a name
    text = str(error) if known is None else known
    if type(error) not in (TypeError, ValueError) or len(error.args) != 1 or len(name) + len(text) > 296:
        return
    if known is None and not _ours(error):
        return
    names = {name.rpartition(".")[2], *inspect.signature(function).parameters} - {"self"}
    if names & set(_WORD.findall(text)):
        return
    error.args = (f"{name}: {text}",)
    error.told = text  # type: ignore[attr-defined]


def _ours(error: Exception) -> bool:
    """Whether it was raised in this package."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE


def _name(function: Any, owner: type | None, args: tuple[Any, ...], name: str | None = None) -> str:
    """What a user has called."""
    if name is not None or owner is None:
        return str(name or function.__name__)
    kind = args[0] if args and isinstance(args[0], type) else type(args[0]) if args else owner
    if function.__name__ in ("__init__", "__new__"):
        ours = kind.__module__.partition(".")[0] == _PACKAGE or "__init__" not in vars(kind)
        return kind.__name__ if ours else f"{owner.__name__}.__init__ of {kind.__name__}"
    return kind.__name__ if function.__name__ == "__call__" else f"{kind.__name__}.{function.__name__}"


def _maker(name: str) -> str:
    """The class that a constructor of this name makes one of: K of "Base.__init__ of K" as well."""
    return name.rpartition(".__init__ of ")[2]


def explaining(function: Any, owner: type | None = None, name: str | None = None) -> Any:
    """The function behind a wrapper that explains wrong calls; one function has one wrapper.

    Args:
        owner: the class that it is a method of.
        name: by which users know it, if that is not its own.
    """
    found = _wrapped.get(function)
    if found is not None:
        return found

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except (TypeError, ValueError) as error:
            told = explained(error, function, owner, args, named, name) if isinstance(error, TypeError) else None
            if told is None:
                name_call(error, _name(function, owner, args, name), function)
                raise
        raise told

    if name is not None:
        call.__name__ = name
    _wrapped[function] = _wrapped[call] = call
    return call


def explains(function: Any) -> Any:
    """The same function, which gets no wrapper: it sees to wrong calls itself."""
    _wrapped[function] = function
    return function


def welcome(*packages: types.ModuleType) -> None:
    """Wraps all that is public in packages and the modules that they show: functions, constructors and methods."""
    for module in public_modules(*packages):
        for name in public_names(module):
            value: Any = getattr(module, name)
            if isinstance(value, types.FunctionType) and value.__module__.partition(".")[0] == _PACKAGE:
                home, own = sys.modules[value.__module__], value.__name__
                wrapped = explaining(value, None, None if own == name or hasattr(module, own) else name)
                setattr(module, name, wrapped)
                if vars(home).get(own) is value:  # so that pickle finds it
                    setattr(home, own, wrapped)
            elif isinstance(value, type):
                for kind in value.__mro__:
                    if kind.__module__.partition(".")[0] == _PACKAGE:
                        _welcome_class(kind)


def _welcome_class(kind: type) -> None:
    if kind.__init__ is object.__init__ and kind.__new__ is object.__new__:  # type: ignore[misc]

        def __init__(self: Any) -> None:
            """Takes nothing."""

        kind.__init__ = __init__  # type: ignore[misc]
    left = {"forward", *vars(kind).get("_unexplained", ()), *getattr(kind, "_inner", ())}
    if any("forward" in vars(base) for base in kind.__mro__):
        left.add("__call__")  # it explains calls itself
    if issubclass(kind, tuple) and isinstance(vars(kind).get("__new__"), staticmethod):  # a named tuple
        made = vars(kind)["__new__"].__func__
        kind.__new__ = staticmethod(explaining(made, kind))  # type: ignore[method-assign]
    for name, value in list(vars(kind).items()):
        if name in left or (name.startswith("_") and name not in ("__init__", "__call__")):
            continue
        if isinstance(value, types.FunctionType):
            setattr(kind, name, explaining(value, kind))
        elif isinstance(value, (classmethod, staticmethod)) and isinstance(value.__func__, types.FunctionType):
            owner = kind if isinstance(value, classmethod) else None
            setattr(kind, name, type(value)(explaining(value.__func__, owner)))


def public_modules(*packages: types.ModuleType) -> list[types.ModuleType]:
    """Packages and the modules that they show, each once."""
    found = list(packages)
    for module in found:
        for name in public_names(module):
            value = getattr(module, name, None)
            if isinstance(value, types.ModuleType) and value.__name__.startswith(_PACKAGE) and value not in found:
                found.append(value)
    return found


def public_names(module: types.ModuleType) -> list[str]:
    """What a module shows: its `__all__`, or what it defines itself; of the package also functions such as `max`."""
    listed, own = list(getattr(module, "__all__", ())), module.__name__
    for name, value in vars(module).items():
        if name[0] == "_" or name in listed or not isinstance(value, (type, types.FunctionType)):
            continue
        if own == _PACKAGE or (value.__module__ == own and not hasattr(module, "__all__")):
            listed.append(name)
    return listed
