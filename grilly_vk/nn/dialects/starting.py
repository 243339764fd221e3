"""A node whose potential starts elsewhere than where its leak or its reset leads."""

from __future__ import annotations

from typing import TypeVar

from ..spiking.nodes import SpikingNode

Node = TypeVar("Node", bound=SpikingNode)


def starting_at(node: Node, v: float) -> Node:
    """The node, just made, with v as its first potential and the one after `F.reset_net`, whatever v_reset becomes."""
    node._starts_apart = True
    node._memories["v"] = v
    node.v = v
    return node
