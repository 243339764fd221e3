"""Equations as text: a small language, its derivatives, and what it becomes in GLSL, in numpy and in the documents.

The kernels of neuron models are made from it, at build time for ours and at run time for a user's own.  It needs
nothing but Python's standard library, since the build runs it before anything else is there.
"""

from .adjoint import Adjoint, adjoint, separate
from .derivative import derivative
from .expression import EquationError, Expression, Function, Statement, expression, function, statements
from .printing import GLSL, evaluate, text

__all__ = [
    "GLSL", "Adjoint", "EquationError", "Expression", "Function", "Statement", "adjoint", "derivative", "evaluate",
    "expression", "function", "separate", "statements", "text",
]  # fmt: skip
