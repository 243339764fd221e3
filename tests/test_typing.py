"""What signatures say to type checkers is what calls do."""

import inspect
import pickle
import subprocess
import sys
import typing

import pytest
import right_calls
from right_calls import CALLS, MADE
from test_wrong_calls import evaluated, methods, public

import grilly_vk.typing
from grilly_vk import nn


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


USER = """
import grilly
import grilly.functional as F
import grilly.nn as nn
import grilly_vk.nn

model = nn.Sequential(nn.Linear(4, 3), nn.LIFNode(tau=2.0, step_mode="m"))
out: grilly.Tensor = model(grilly.zeros(5, 2, 4)).mean(0).atan().exp_()
loss = F.mse_loss(out, [1.0, 2.0, 3.0], reduction="mean")
wrong = grilly_vk.nn.Linear("four", 3)
"""


def test_a_program_of_a_user_is_checked(tmp_path):
    """What is right passes, under both names of the package, and what is wrong is found."""
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(USER)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--follow-imports=silent", "--cache-dir", tmp_path / "cache", "user.py"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if "error" in line and line.startswith("user.py")]
    assert len(found) == 1 and found[0].startswith("user.py:10:") and "arg-type" in found[0], done.stdout


def test_methods_of_layers_are_found_by_name_and_tell_their_types():
    layers = [kind for kind in vars(nn).values() if isinstance(kind, type) and issubclass(kind, nn.Module)]
    wrong = []
    for kind in layers:
        for method in (kind.__init__, kind.forward):
            try:
                assert pickle.loads(pickle.dumps(method)) is method
                typing.get_type_hints(method)
            except Exception as error:
                wrong.append(f"{kind.__name__}.{method.__name__}: {error}")
    assert len(layers) > 100 and not wrong, "\n".join(wrong)
