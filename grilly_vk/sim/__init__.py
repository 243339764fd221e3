"""Networks of point neurons with sparse projections and delays, simulated in biological time."""

from . import models
from .model import Model
from .own import equations

__all__ = ["Model", "equations", "models"]
