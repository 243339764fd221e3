"""SNN: layers of leaky integrate-and-fire neurons with a read-out of their rates (Edifice)."""

from __future__ import annotations

import itertools
import math
from typing import Any

from .. import arguments
from ..errors import shown
from ..nn.containers import ModuleList
from ..nn.layers.linear import Linear
from ..nn.module import Module
from ..ops.elementwise import as_tensor, cast
from ..ops.nodes import Dynamics, node
from ..ops.reductions import reduce_mean
from ..ops.surrogate import spike
from ..runtime.recording import called
from ..settings import setting
from ..surrogate import FastSigmoid, chosen, slope_of
from ..tensor import FLOAT32, Tensor
from ..typing import ArrayLike


class SNN(Module):
    """A spiking network that is shown its input at every step, and gives numbers: [batch, input_size] to
    [batch, output_size].

    Each hidden layer: ``V = beta * V + W x``, ``s = [V > threshold]``, ``V = V - s * threshold``, with beta =
    exp(-1 / tau) and V = 0 at first.  The output is a linear read-out of the mean spike rate of the last layer.  All
    steps of a layer are one dispatch forward and one backward; the product of the constant input is made once.
    Training takes the fast sigmoid's slope, `surrogate_gradient`, in place of the step's.

    Made by `SNN.build`.

    Attributes:
        layers: the hidden layers' Linear, without bias.
        readout: Linear from the last layer's rates, with bias.

    Source: Edifice.Neuromorphic.SNN.
    """

    num_timesteps = setting(arguments.size)
    tau, threshold = setting(arguments.positive), setting(arguments.positive)
    surrogate_function = setting(chosen, held=slope_of)
    batchwise = True
    _ranks = (2,)

    def __init__(
        self, sizes: list[int], output_size: int, num_timesteps: int, tau: float, threshold: float, slope: float
    ) -> None:
        super().__init__()
        self.num_timesteps, self.tau, self.threshold = num_timesteps, tau, threshold
        self.surrogate_function = FastSigmoid(slope, height=slope)
        sizes = [arguments.size(f"sizes[{i}]", n) for i, n in enumerate(arguments.listed("sizes", sizes, "widths"))]
        if not sizes:
            raise ValueError("sizes is empty; expected the width of the input, and of each layer")
        self.layers = ModuleList([Linear(a, b, bias=False) for a, b in itertools.pairwise(sizes)])
        self.readout = Linear(sizes[-1], arguments.size("output_size", output_size))

    @classmethod
    def build(
        cls,
        *,
        input_size: int,
        hidden_sizes: Any = (256, 128),
        output_size: int,
        num_timesteps: int = 25,
        tau: float = 2.0,
        threshold: float = 1.0,
        slope: float = 25.0,
    ) -> SNN:
        """Builds the network.

        Args:
            input_size: features of the input.
            hidden_sizes: neurons of each hidden layer (default [256, 128]).
            output_size: numbers of the output.
            num_timesteps: steps for which the input is shown (default 25).
            tau: membrane time constant in steps (default 2.0).
            threshold: firing threshold (default 1.0).
            slope: steepness of the surrogate gradient (default 25.0).

        Returns:
            A Module, [batch, input_size] to [batch, output_size].

        Raises:
            TypeError, ValueError: the message names the argument.

        Example:
            >>> model = SNN.build(input_size=256, hidden_sizes=[128, 64], output_size=10)
            >>> model(np.random.rand(32, 256)).shape
            (32, 10)
        """
        if not isinstance(hidden_sizes, (list, tuple)) or not hidden_sizes:
            raise ValueError(f"hidden_sizes must list the size of at least one layer, got {shown(hidden_sizes)}")
        sizes = [arguments.size("input_size", input_size)]
        sizes += [arguments.size(f"hidden_sizes[{i}]", size) for i, size in enumerate(hidden_sizes)]
        return cls(sizes, output_size, num_timesteps, tau, threshold, arguments.positive("slope", slope))

    @property
    def beta(self) -> float:
        """What is left of the potential after a step, exp(-1 / tau)."""
        return math.exp(-1.0 / self.tau)

    def _dynamics(self) -> Dynamics:
        return Dynamics("lif", 1.0 - self.beta, False, self.threshold, None, strict=True)

    def spikes(self, x: ArrayLike) -> list[Tensor]:
        """The spikes of every hidden layer, each (num_timesteps, batch, size).

        Args:
            x: [batch, input_size].

        Raises:
            ValueError: another shape. TypeError: no numbers.
        """
        called(self)
        x = cast(as_tensor("x", x), FLOAT32)
        arguments.shape("x", x.shape, ("batch", self.layers[0].in_features))
        dynamics, slope = self._dynamics(), self.surrogate_function.slope
        found: list[Tensor] = []
        for layer in self.layers:
            current = layer(found[-1] if found else x)
            found.append(node(current, 0.0, dynamics, slope, steps=self.num_timesteps, held=not found).spikes)
        return found

    def forward(self, x: ArrayLike) -> Tensor:
        """[batch, input_size] to [batch, output_size]; every call starts from V = 0.

        Raises:
            ValueError: another shape. TypeError: no numbers.
        """
        out: Tensor = self.readout(reduce_mean(self.spikes(x)[-1], 0))
        return out

    def extra_repr(self) -> str:
        """Steps, time constant and threshold."""
        return f"num_timesteps={self.num_timesteps}, tau={self.tau:g}, threshold={self.threshold:g}"

    # ---- the page's functions ----

    @staticmethod
    def lif_neuron(
        membrane: ArrayLike, input_current: ArrayLike, beta: float, threshold: float
    ) -> tuple[Tensor, Tensor]:
        """One step of a neuron that is reset to 0: V = beta * V + I, s = [V > threshold], V = V * (1 - s).

        Gradients go through spike and reset, with `surrogate_gradient` at its default slope.

        Args:
            membrane: potential before the step, [batch, hidden_size].
            input_current: weighted input, of the same shape.
            beta: decay factor, exp(-1 / tau).
            threshold: firing threshold.

        Returns:
            (new_membrane, spikes), each [batch, hidden_size]; spikes are 0.0 and 1.0.

        Raises:
            ValueError, TypeError: shapes that differ, no numbers.
        """
        v, current = (
            cast(as_tensor(name, value), FLOAT32)
            for name, value in (("membrane", membrane), ("input_current", input_current))
        )
        if v.shape != current.shape:
            raise ValueError(f"input_current has shape {current.shape}; expected that of membrane, {v.shape}")
        charged = v * arguments.real("beta", beta) + current
        spikes = SNN.surrogate_gradient(charged - arguments.real("threshold", threshold))
        return charged * (1.0 - spikes), spikes

    @staticmethod
    def rate_decode(spike_train: ArrayLike) -> Tensor:
        """The mean over the steps: [batch, num_timesteps, hidden_size] to [batch, hidden_size].

        Raises:
            ValueError: another number of axes. TypeError: no numbers.
        """
        train = cast(as_tensor("spike_train", spike_train), FLOAT32)
        arguments.shape("spike_train", train.shape, ("batch", "num_timesteps", "hidden_size"))
        return reduce_mean(train, 1)

    @staticmethod
    def surrogate_gradient(x: ArrayLike, slope: float = 25.0) -> Tensor:
        """A hard step forward, [x > 0], and backward the slope ``slope / (1 + slope |x|)^2`` of a fast sigmoid.

        Args:
            x: membrane - threshold, any shape.
            slope: steepness (default 25.0).

        Returns:
            0.0 and 1.0, of x's shape.

        Raises:
            ValueError, TypeError: slope is not positive; no numbers.
        """
        steepness = arguments.positive("slope", slope)
        return spike(cast(as_tensor("x", x), FLOAT32), FastSigmoid(steepness, height=steepness).slope, strict=True)
