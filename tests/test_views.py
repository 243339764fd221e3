"""Tensors on the same memory: the public ones are checked and on the tape, internal ones checked in the debug mode."""

import numpy as np
import pytest

import grilly_vk as g

X = np.arange(6, dtype=np.float32)


def test_view_is_reshape_with_pytorchs_arguments():
    x = g.tensor(X)
    for got, shape in (
        (x.view(2, 3), (2, 3)),
        (x.view((3, -1)), (3, 2)),
        (x.view([-1]), (6,)),
        (x.view(np.int64(6), 1), (6, 1)),
        (x[:1].view(()), ()),
        (x[:0].view(0, 5), (0, 5)),
    ):
        assert got.shape == shape
        np.testing.assert_array_equal(got.numpy(), X[: got.size].reshape(shape))


@pytest.mark.parametrize(
    ("shape", "error", "text"),
    [
        (((2000,),), ValueError, r"can't reshape \(6,\) to \(2000,\)"),
        (((2,),), ValueError, r"can't reshape \(6,\) to \(2,\)"),
        (((-6,),), ValueError, r"can't reshape \(6,\) to \(-6,\)"),
        ((-2, -3), ValueError, r"can't reshape"),
        ((-1, -1), ValueError, r"can't reshape"),
        ((4, -1), ValueError, r"can't reshape"),
        ((), TypeError, "view needs a shape"),
        ((2.0, 3), TypeError, r"shape\[0\] must be a whole number, not float \(2.0\)"),
        ((6, True), TypeError, r"shape\[1\] must be a whole number, not bool"),
        (("int32",), TypeError, "shape"),
    ],
)
def test_a_view_of_another_size_is_refused(shape, error, text):
    with pytest.raises(error, match=text):
        g.ones(6).view(*shape)


def test_view_shares_the_memory_and_is_on_the_tape():
    x = g.tensor(X)
    v = x.view(2, 3)
    v += 100
    np.testing.assert_array_equal(x.numpy(), X + 100)
    assert x.version == v.version == 1
    w = g.tensor(X, requires_grad=True)
    (w.view((3, 2)) * g.tensor(X.reshape(3, 2))).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), X)
    with pytest.raises(RuntimeError, match="tape"):
        w.view(2, 3).__iadd__(1)
    parameter = g.nn.Parameter(X)
    assert parameter.view(2, 3).node is not None


def test_no_unchecked_alias_is_public():
    assert not hasattr(g.Tensor, "rows")
    public = {n for n in dir(g.Tensor) if not n.startswith("_")}
    assert not public & {"alias", "rows", "part", "inside"}


_BEYOND = """
    import numpy as np
    import grilly_vk
    from grilly_vk.runtime.memory import Part
    from grilly_vk.tensor import Tensor
    x = grilly_vk.ones(6)
    rows = (lambda: x._rows(4, 2), lambda: x._rows(0, 7), lambda: x._rows(-1, 3), lambda: x._rows(2, 4)._rows(1, 3),
            lambda: Part(x.buffer, -4, 8), lambda: Part(x.buffer, 20, 8), lambda: Part(x.buffer, 8, -4))
    aliases = (lambda: x._alias((2000,)), lambda: x._alias((7,)), lambda: x._alias((-6,)), lambda: x._alias((-2, -3)),
               lambda: x._rows(2, 4)._alias((3,)), lambda: Tensor(x.buffer, (7,), np.float32, x.engine))
    for alias in (*rows, *aliases):
        try:
            alias()
        except RuntimeError as error:
            print("lie in" in str(error))
        else:
            print("no error")
    print(x._alias((2, 3)).shape, x._rows(2, 6)._alias((2, 2)).shape, x._rows(6, 6).shape)
    """


@pytest.mark.parametrize(("debug", "aliases"), [(1, "True"), (0, "no error")])
def test_aliases_beyond_their_buffer(snippet, debug, aliases):
    """Parts of a buffer are checked always, other shapes of the same memory in the debug mode."""
    lines = snippet(_BEYOND, GRILLY_VK_DEBUG=debug).out.splitlines()
    assert lines == ["True"] * 7 + [aliases] * 6 + ["(2, 3) (2, 2) (0,)"]
