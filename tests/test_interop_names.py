"""Weights of other frameworks: names that could be taken for others, and what no other framework's layer does."""

import numpy as np
import pytest
from test_interop import small, weights

from grilly_vk import nn
from grilly_vk.interop import StateMismatch, from_dlpack, load_torch_state, to_torch_state
from grilly_vk.nn.dialects import snntorch


class Holds(nn.Module):
    """Its part is called as wrappers call what they wrap."""

    def __init__(self):
        super().__init__()
        self.module = nn.Linear(3, 4)


@pytest.mark.parametrize("make", [Holds, lambda: nn.MultiStepContainer(nn.Linear(3, 4))])
def test_a_part_that_is_called_module_is_no_wrapper(make):
    state = {"module.weight": weights()["fc1.weight"], "module.bias": np.arange(4.0)}
    for given in (state, {f"module.{name}": value for name, value in state.items()}):
        net = make()
        assert load_torch_state(net, given).fits
        np.testing.assert_array_equal(net.module.weight.numpy(), state["module.weight"])
    assert list(to_torch_state(net)) == list(state)


def test_what_is_written_lies_in_the_order_of_the_layers():
    net = nn.Sequential(nn.Linear(3, 4), snntorch.Leaky(0.8), nn.Linear(4, 2), snntorch.Leaky(0.7))
    state = to_torch_state(net, layers="snntorch")
    assert list(dict.fromkeys(name[0] for name in state)) == ["0", "1", "2", "3"]
    other = nn.Sequential(nn.Linear(3, 4), snntorch.Leaky(0.5), nn.Linear(4, 2), snntorch.Leaky(0.5))
    assert load_torch_state(other, {f"layer{name}": value for name, value in state.items()}, "order").fits
    assert other[3].beta == np.float32(0.7)


def test_a_mapping_that_leads_nowhere_is_told_on_the_way_back():
    with pytest.raises(ValueError, match="mapping leads to '7', which Sequential does not have"):
        to_torch_state(small(), mapping={"fc1": "0", "fc2": "7"})
    assert "lif" not in " ".join(to_torch_state(small(), mapping={"fc1": "0", "lif1": "1"}))


def test_a_tensor_without_data_is_told_by_its_name():
    class Meta:
        shape, detach = (4, 3), lambda self: self

        def cpu(self):
            raise NotImplementedError("no data!")

    with pytest.raises(TypeError, match="weight of the state can't be read: no data!"):
        load_torch_state(nn.Linear(3, 4), {"weight": Meta(), "bias": np.zeros(4)})


def test_dlpack_takes_numpy_arrays_of_any_byte_order():
    np.testing.assert_array_equal(from_dlpack(np.arange(3, dtype=">f4")).numpy(), [0, 1, 2])


@pytest.mark.parametrize("own", [{"refractory": 2}, {"v_rest": 0.1}])
def test_what_snntorchs_neurons_do_not_do_is_told(own):
    def make(**own):
        return nn.Sequential(nn.LIFNode(2.0, False, v_reset=None, **own))

    with pytest.raises(ValueError, match=f"can't be written: .*{next(iter(own))} must be"):
        to_torch_state(make(**own), layers="snntorch")
    with pytest.raises(StateMismatch, match=next(iter(own))):
        load_torch_state(make(**own), to_torch_state(make(), layers="snntorch"))
