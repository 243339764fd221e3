"""What is deprecated still works, says once for each place what to use, and says it in its documentation."""

import sys
import types
import warnings

import pytest

from grilly_vk.deprecation import deprecated, renamed_argument


@deprecated("0.2", "new")
def old(x, *, scale=1):
    """x times scale."""
    return x * scale


@deprecated("0.2", "nn.New")
class Old:
    """A thing."""

    def __init__(self, size):
        self.size = size


@renamed_argument("dim", "axis", "0.2")
def total(x, axis=0):
    """The sum."""
    return sum(x) + axis


def said(call):
    """What a call gives, and the warnings that Python shows by default."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        result = call()
    return result, [(w.category, str(w.message), w.filename) for w in caught]


def test_functions_and_classes():
    result, warned = said(lambda: old(3, scale=2))
    assert result == 6
    assert warned == [(FutureWarning, "old is deprecated since 0.2: use new", __file__)]
    made, warned = said(lambda: Old(4))
    assert made.size == 4 and type(made) is Old and isinstance(made, Old)
    assert warned == [(FutureWarning, "Old is deprecated since 0.2: use nn.New", __file__)]
    assert old.__doc__.endswith("\n\nDeprecated since 0.2: use new.\n") and old.__name__ == "old"
    assert Old.__doc__.startswith("A thing.") and "use nn.New" in Old.__doc__


def test_one_warning_for_each_place():
    def twice():
        for _ in range(3):
            old(1)
        old(1)

    assert len(said(twice)[1]) == 2


def test_the_place_is_the_users_line_whatever_lies_between():
    """A call that comes through modules of the package is the user's who called those."""
    inside = types.ModuleType("grilly_vk.between")
    inside.old = old
    sys.modules[inside.__name__] = inside
    try:
        exec("def through():\n    return old(2)\n", vars(inside))
        assert said(inside.through)[1] == [(FutureWarning, "old is deprecated since 0.2: use new", __file__)]
    finally:
        del sys.modules[inside.__name__]


def test_arguments():
    assert said(lambda: total([1, 2], dim=4)) == (
        7,
        [(FutureWarning, "dim of total is deprecated since 0.2: use axis", __file__)],
    )
    assert said(lambda: total([1, 2], axis=4)) == (7, []) and said(lambda: total([1, 2], 4)) == (7, [])
    with pytest.raises(TypeError, match="total got both dim and axis, which mean the same"):
        total([1], dim=0, axis=0)
