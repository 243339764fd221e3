"""DataLoader."""

import numpy as np
import pytest

from grilly_vk.data import DataLoader

X, Y = np.arange(10) * 10, np.arange(10)


def test_batches_in_order():
    got = list(DataLoader(X, Y, batch_size=4))
    assert [len(x) for x, _ in got] == [4, 4, 2] and len(DataLoader(X, Y, batch_size=4)) == 3
    np.testing.assert_array_equal(np.concatenate([x for x, _ in got]), X)
    assert all((x == 10 * y).all() for x, y in got)


def test_drop_last_and_single_arrays():
    loader = DataLoader(X, batch_size=4, drop_last=True)
    assert [len(x) for x in loader] == [4, 4] and len(loader) == 2


def test_shuffle_by_seed_another_order_each_epoch():
    a, b = (DataLoader(Y, batch_size=3, shuffle=True, seed=5) for _ in range(2))
    first, second = np.concatenate(list(a)), np.concatenate(list(a))
    np.testing.assert_array_equal(np.concatenate(list(b)), first)
    np.testing.assert_array_equal(np.sort(first), Y)
    assert (first != second).any() and (first != Y).any()
    c = DataLoader(Y, batch_size=3, shuffle=True, seed=5)
    c.load_state_dict({"epoch": 1})
    np.testing.assert_array_equal(np.concatenate(list(c)), second)
    assert a.state_dict() == {"epoch": 2}


def test_progress_bar(capsys):
    assert len(list(DataLoader(Y, batch_size=5, progress=True))) == 2
    assert "epoch 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arrays", "options", "text"),
    [
        ((), {}, "at least one array"),
        ((X, Y[:3]), {}, r"\[10, 3\] rows"),
        ((3.0,), {}, "rows"),
        ((X,), {"batch_size": 0}, "batch_size"),
        ((X,), {"seed": -1}, "seed"),
    ],
)
def test_bad_arguments(arrays, options, text):
    with pytest.raises(ValueError, match=text):
        DataLoader(*arrays, **options)


def test_empty():
    assert list(DataLoader(np.zeros((0, 2)))) == []
