"""Training steps on several devices, with `jit` or `pmap`."""

from jaxgan.parallel.devices import AXIS, make_mesh, replicate, select_devices, split_batch
from jaxgan.parallel.jit_pmap import check_divides, convolution_options, jit_step, pmap_step

__all__ = [
    "AXIS",
    "check_divides",
    "convolution_options",
    "jit_step",
    "make_mesh",
    "pmap_step",
    "replicate",
    "select_devices",
    "split_batch",
]
