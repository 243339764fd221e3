"""What the code that called us is about to do."""

from __future__ import annotations

import dis
import sys

_UNPACK = {dis.opmap[name] for name in ("UNPACK_SEQUENCE", "UNPACK_EX") if name in dis.opmap}


def unpacks(depth: int = 2) -> bool:
    """Whether the frame that many calls up is taking something apart, as in ``a, b = x``."""
    frame = sys._getframe(depth)
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] in _UNPACK
