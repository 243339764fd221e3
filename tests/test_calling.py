"""What wrong calls are told: the name that the user typed, and nothing of what raises elsewhere is touched."""

import inspect
import pickle
import warnings

import numpy as np
import pytest

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.calling import Misfit, name_call

X = np.ones((2, 3), np.float32)


class Mine(nn.Linear):
    pass


class Sized(nn.Linear):
    def __init__(self, n):
        super().__init__(n, n, True, "auto", 5)


class Named(nn.LIFNode):
    def __init__(self, name, **options):
        super().__init__(**options)


class Two(nn.Module):
    def forward(self, a, b):
        return a + b


class Once(nn.LIFNode):
    def forward(self, x):
        return super().forward(x)


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: Mine(1),
            r"Mine was not given out_features; it takes in_features, out_features, bias, event_driven, precision$",
        ),
        (lambda: Mine(1, 2, True, 4, 5), r"Mine takes at most 3 arguments by place \(.*\), got 5; .* of type int$"),
        (lambda: Sized(3), r"Linear.__init__ of Sized takes at most 3 arguments by place .*, got 5"),
        (lambda: Named(1, taau=2), r"LIFNode.__init__ of Named has no argument 'taau' \(did you mean tau\?\)"),
        (lambda: Two()(1), r"Two was not given b; it takes a, b$"),
        (lambda: Two()(1, 2, c=3), r"Two has no argument 'c'; it takes a, b$"),
        (lambda: nn.LIFNode(v_treshold=1.0), r"LIFNode has no argument 'v_treshold' \(did you mean v_threshold\?\)"),
        (lambda: nn.LIFNode(2.0, tau=3.0), r"LIFNode got tau twice, by its place and by its name; give it once$"),
        (lambda: Once(step_mode="m")(X, x=X), r"Once got x twice, by its place and by its name; give it once$"),
        (lambda: nn.LIFNode().reset(1), r"LIFNode.reset takes no arguments, got 1"),
        (lambda: g.exp(X, 1), r"exp takes one argument \(input\), got 2"),
        (lambda: g.tensor(X).sub_(1, 2), r"Tensor.sub_ takes one argument \(other\), got 2"),
        (lambda: g.tensor(X).divide(), r"Tensor.divide was not given other"),
        (lambda: g.tensor(X).rsqrt(2), r"Tensor.rsqrt takes no arguments, got 1"),
        (lambda: g.from_numpy(), r"from_numpy was not given array"),
        (lambda: g.tensor(), r"tensor was not given data; it takes data, dtype, requires_grad$"),
        (lambda: g.models.SNN.build(1, 2), r"SNN.build takes no arguments, got 2"),
        (lambda: nn.traced.Layer(1), r"Layer was not given connection, postsynaptic"),
    ],
)
def test_the_name_that_was_called(call, text):
    with pytest.raises(TypeError, match=f"^{text}"):
        call()


def test_other_errors_name_the_call_where_they_name_no_argument():
    with pytest.raises(ValueError, match=r"^add: shapes \(2, 3\) and \(2, 2\) don't broadcast$"):
        g.add(X, X[:, :2])
    with pytest.raises(ValueError, match=r"^x has shape"):  # as it did
        F.linear(X, np.ones((2, 4), np.float32))
    with pytest.raises(TypeError, match=r"^Spikformer: out_features must be a whole number, not str"):
        g.models.Spikformer(4, 2, 1, "ten", embed_dim=8, depth=1, num_heads=2)


def test_a_long_error_stays_below_300_characters():
    """The name is left out where there is no room for it."""
    for length in (280, 290, 295):
        error = ValueError("x" * length)
        error.told = error.args[0]  # as one that has had a name before
        name_call(error, "somewhere", lambda y: y)
        assert str(error) == ("somewhere: " if length == 280 else "") + "x" * length


def test_what_every_call_goes_through_has_no_wrapper():
    """LIFNode(x) took 2 us more with them."""
    for name in nn.StatefulModule._inner:
        assert not hasattr(getattr(nn.LIFNode, name), "__wrapped__"), name
    assert hasattr(nn.LIFNode.reset, "__wrapped__")


def test_what_a_users_own_code_raises_stays_as_it_is():
    error = TypeError("mine() takes 1 positional argument but 2 were given")

    def mine(x):
        raise error

    class Own(nn.Module):
        def forward(self, x):
            return mine(x)

    for call in (lambda: Own()(X), lambda: g.checkpoint(mine, X), lambda: nn.Sequential(Own())(X)):
        with pytest.raises(TypeError) as caught:
            call()
        assert caught.value is error and error.args == ("mine() takes 1 positional argument but 2 were given",)

    class Inner(nn.Module):
        def forward(self, x):
            return (lambda: x)(x)  # a wrong call of your own, below forward

    with pytest.raises(TypeError, match=r"<lambda>\(\) takes 0 positional arguments but 1 was given"):
        Inner()(X)


def test_functions_are_what_they_were():
    assert pickle.loads(pickle.dumps(F.linear)) is F.linear and pickle.loads(pickle.dumps(g.exp)) is g.exp
    assert str(inspect.signature(F.relu)).startswith("(x: 'ArrayLike', inplace: 'bool' = False)")
    assert list(inspect.signature(g.sum).parameters) == ["input", "axis", "keepdims", "dtype"]
    assert F.linear.__name__ == "linear" and g.Tensor.add_.__doc__ and nn.Linear.__init__.__name__ == "__init__"
    assert F.sum_pool is nn.sum_pool and g.cat is g.concat


def test_a_list_of_arguments_is_cut():
    names = [f"argument_{i}" for i in range(40)]
    signature = inspect.Signature([inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY) for n in names])
    text = Misfit("f", signature, (), {"x": 1}).text()
    assert len(text) < 300 and text.endswith(", ...") and "argument_0, argument_1" in text


def test_warnings_point_at_the_line_of_the_user():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nn.Softmax()(X)
        nn.Sequential(nn.Softmax())(X)
        nn.LIFNeuron(3).run(g.ones(2, 3, requires_grad=True))
        g.SNNCompute(4, 5).process(np.zeros(4))
    assert len(caught) == 4 and {w.filename for w in caught} == {__file__}
