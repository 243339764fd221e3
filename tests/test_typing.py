"""What signatures say to type checkers is what calls do."""

import inspect
import typing

import right_calls
from right_calls import CALLS, MADE
from test_wrong_calls import evaluated, methods, public

import grilly_vk.typing


def hint_of(function, option):
    """The annotation as an object."""
    text = option.annotation
    names = vars(typing) | vars(grilly_vk.typing) | getattr(inspect.unwrap(function), "__globals__", {})
    return eval(text, names) if isinstance(text, str) else text


def words_of(hint):
    """The words of a `Literal`, by itself or in a union."""
    return [w for part in (hint, *typing.get_args(hint)) if typing.get_origin(part) is typing.Literal
            for w in typing.get_args(part)]  # fmt: skip


def test_words_are_those_that_are_taken():
    """Another word raises an error that lists the words of the annotation, and no more."""
    wrong, tried = [], 0
    for name, text in [*CALLS.items(), *((name, made) for name, (made, _) in MADE.items())]:
        if name.startswith("SNN."):
            continue
        value = eval(name, vars(right_calls))
        function = value.__init__ if isinstance(value, type) else value
        for option in inspect.signature(function).parameters.values():
            if option.annotation is option.empty or not (words := words_of(hint_of(function, option))):
                continue
            args, named = evaluated(text)
            at = list(inspect.signature(value).parameters).index(option.name)
            if option.kind is not option.KEYWORD_ONLY and at < len(args):
                args[at] = "no such word"
            else:
                named[option.name] = "no such word"
            tried += 1
            try:
                value(*args, **named)
            except ValueError as error:
                missing = [w for w in words if repr(w) not in str(error).replace('"', "'")]
                if missing:
                    wrong.append(f"{name}({option.name}): {missing} are not listed by: {error}")
            else:
                wrong.append(f"{name}({option.name}): takes any word")
    assert tried > 60 and not wrong, "\n".join(wrong)


def test_few_public_arguments_are_any():
    """Most say what they take; what is left are other libraries' objects and hooks of the user's."""
    functions = []
    for value in public().values():
        if isinstance(value, type) and not issubclass(value, Exception):
            functions += [value.__init__, *(getattr(value, n) for n, _ in methods(value))]
        elif not isinstance(value, type):
            functions.append(value)
    every, unsaid = 0, 0
    for function in {id(f): f for f in functions}.values():
        for option in inspect.signature(function).parameters.values():
            if option.name != "self" and option.kind not in (option.VAR_POSITIONAL, option.VAR_KEYWORD):
                every += 1
                unsaid += option.annotation in (option.empty, typing.Any, "Any")
    assert every > 2000 and unsaid < 0.06 * every, f"{unsaid} of {every}"
