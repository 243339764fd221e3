"""The kernels that tensors themselves are made and added with: copies, fills, and functions of two of one shape."""

from .kernel import Kernel

COPY, FILL = Kernel("copy"), Kernel("fill")
PAIRED = Kernel("elementwise-binary")  # OP 0 is the sum, TYPE 0 float32
