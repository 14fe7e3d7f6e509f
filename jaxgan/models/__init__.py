"""Networks, one family a file."""

from jaxgan.models.layers import Dropout
from jaxgan.models.mlp import MLPDiscriminator, MLPGenerator

__all__ = ["Dropout", "MLPDiscriminator", "MLPGenerator"]
