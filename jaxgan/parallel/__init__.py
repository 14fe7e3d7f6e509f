"""A training step on several devices, with `jit` or with `pmap`."""

from jaxgan.parallel.jit_pmap import (
    AXIS,
    check_divides,
    convolution_options,
    jit_step,
    make_mesh,
    pmap_step,
    replicate,
    select_devices,
    split_batch,
)

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
