"""Every public class, function and method, called wrongly: an error of ours, or the right result; never another one."""

import inspect
import types

import pytest
from error_texts import fault

import grilly_vk
from grilly_vk import nn, optim, snn
from grilly_vk.calling import public_modules, public_names

MODULES = public_modules(grilly_vk, snn, nn.utils, nn.conversion, optim.lr_scheduler)
ALIEN = 1.0


def short(module):
    return module.__name__.replace("grilly_vk", "g", 1)


def public():
    """All public functions and classes of the package by name, each once."""
    found, seen = {}, set()
    for module in MODULES:
        for name in public_names(module):
            value = getattr(module, name)
            ours = getattr(value, "__module__", "").startswith("grilly_vk")
            if callable(value) and ours and not isinstance(value, types.ModuleType) and id(value) not in seen:
                seen.add(id(value))
                found[f"{short(module)}.{name}"] = value
    return found


def methods(kind):
    """The public methods of a class: those of its own and of its bases here."""
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        plain = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        ours = isinstance(plain, types.FunctionType) and plain.__module__.startswith("grilly_vk")
        if ours and not name.startswith("_") and name != "forward":
            yield name, value


def calls_of(function, bound):
    """Arguments that the signature has no room for."""
    takes = list(inspect.signature(function).parameters.values())[bound:]
    kinds = {p.kind for p in takes}
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        yield [ALIEN] * 40, {}
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        yield [], {"no_such_argument": ALIEN}
    if any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in takes):
        yield [], {}


def instance(kind):
    """An object for methods to be called on; they don't come to look at it, but those of tensors do."""
    if issubclass(kind, grilly_vk.Tensor):
        return kind([1.0, 2.0])
    return tuple.__new__(kind) if issubclass(kind, tuple) else object.__new__(kind)


NOT_CALLED = {  # whose constructors users don't call
    "g.Tensor": "keywords beside requires_grad are Python's to refuse: each operation makes one",
    "g.tensor.Size": "what x.size is",
    "g.nn.conversion.Row": "a named tuple",
    "g.nn.traced.Layer": "a named tuple",
    "g.Function": "has no instances",
}


@pytest.mark.parametrize("name", public())
def test_calls_that_fit_no_signature(name):
    value, wrong = public()[name], []
    own = name.rpartition(".")[2]

    def check(function, first, shown, *names):
        for args, named in calls_of(function, len(first)):
            try:
                function(*first, *args, **named)
            except Exception as error:
                said = fault(error, *names)
                if said:
                    wrong.append(f"{shown}({len(args)} arguments, {', '.join(named)}): {said}")
            else:
                wrong.append(f"{shown}({len(args)} arguments, {', '.join(named)}): no error")

    if isinstance(value, type):
        if name not in NOT_CALLED and not issubclass(value, Exception):
            check(value, [], own, value.__name__)
        for method, kind in methods(value):
            function = getattr(value, method)
            first = [] if isinstance(kind, (classmethod, staticmethod)) else [instance(value)]
            check(function, first, f"{own}.{method}", method)
    else:
        check(value, [], own, own, value.__name__)
    assert not wrong, "\n".join(wrong)
