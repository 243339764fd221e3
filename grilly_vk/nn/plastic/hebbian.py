"""HebbianLayer: what fires together is connected more strongly (Grilly's "Spiking Neural Networks")."""

from __future__ import annotations

from ... import arguments
from ...ops import plasticity as ops
from ...ops.state import filled, xavier
from ...settings import setting
from ...typing import ArrayLike
from ..flat.base import held_on_device, on_host
from .base import PlasticLayer


class HebbianLayer(PlasticLayer):
    """A linear layer whose weights learn from the activity on both sides.

    What a rule adds to the weights W, with means over batch and time; each also takes ``lr * weight_decay * W`` off:

    RULES

    Args:
        in_features: inputs, default 256.
        out_features: outputs, default 128.
        rule: one of these names, default "hebb".
        tau_theta: time constant of the BCM threshold in steps, default 100.0; positive.
        seed: of the initial weights, for numpy's default_rng; None (default) draws from the generator that
            `grilly_vk.manual_seed` sets.

    The weights start Xavier-uniform (Glorot & Bengio 2010); the threshold starts at 0.

    Raises:
        TypeError, ValueError: the message names the argument.

    Example:
        >>> layer = HebbianLayer(in_features=256, out_features=128)
        >>> x = np.random.rand(256)
        >>> layer.update_weights(x, layer(x))

    Source: Grilly's "Spiking Neural Networks".
    """

    rule, tau_theta = setting(arguments.choice, ops.RULES), setting(arguments.positive)
    theta = on_host("theta", "Thresholds of the BCM rule, float32 (out_features,): a copy; assign to set them.")

    def __init__(
        self,
        in_features: int = 256,
        out_features: int = 128,
        rule: str = "hebb",
        *,
        tau_theta: float = 100.0,
        seed: int | None = None,
    ) -> None:
        super().__init__(in_features, out_features)
        self.rule = rule
        self.tau_theta = tau_theta
        held_on_device(self, "weight", xavier(self.out_features, self.in_features, seed))
        held_on_device(self, "theta", filled((self.out_features,), 0.0))

    def update_weights(
        self, pre: ArrayLike, post: ArrayLike, learning_rate: float = 0.01, weight_decay: float = 0.0
    ) -> None:
        """One update by the mean over batch and time; without any sample (T or B is 0) nothing changes.

        Args:
            pre: presynaptic activity (in_features,), (B, in_features) or (T, B, in_features).
            post: postsynaptic activity, the same with out_features.
            learning_rate: default 0.01.
            weight_decay: share of the weights that is lost, times the learning rate, default 0.0.

        Raises:
            ValueError: wrong shapes, or pre and post don't fit each other.
            TypeError: not real numbers.
        """
        rate = ops.factor("learning_rate", learning_rate)
        loss = ops.factor("weight_decay", weight_decay)
        before, after, _ = ops.runs("pre", pre, self.in_features, "post", post, self.out_features)
        if not before.shape[0] or not before.shape[1]:
            return
        ops.hebbian(
            self._weight,
            before,
            after,
            rule=self.rule,
            learning_rate=rate,
            weight_decay=loss,
            theta=self._buffers["theta"] if self.rule == "bcm" else None,
            blend=ops.threshold_blend(self.tau_theta),
        )

    def extra_repr(self) -> str:
        """Sizes and the rule."""
        text = f"in_features={self.in_features}, out_features={self.out_features}, rule={self.rule!r}"
        return f"{text}, tau_theta={self.tau_theta}" if self.rule == "bcm" else text


HebbianLayer.__doc__ = (HebbianLayer.__doc__ or "").replace(
    "RULES", "\n    ".join(f"- ``{name}``: {text}" for name, text in ops.RULES.items())
)
