"""Pictures of spikes, potentials, rates, weights and training: matplotlib axes in, axes out.

Every function takes numpy arrays or Tensors and draws on the axes `ax`, or on new ones if there are none.  It returns
the axes, so titles, limits and files are matplotlib's matter: ``ax.figure.savefig("raster.png")``.  matplotlib is
needed when a function is called, not before: ``pip install 'grilly-vk[plot]'``.
"""

from .populations import population_raster
from .rates import rate_boxes, rate_histogram, rate_scatter
from .spikes import potentials, raster
from .training import accuracy_curve, training_curves
from .weights import weight_map

__all__ = [
    "accuracy_curve", "population_raster", "potentials", "raster", "rate_boxes", "rate_histogram", "rate_scatter",
    "training_curves", "weight_map",
]  # fmt: skip
