from .devices import (
    AXIS as AXIS,
    make_mesh as make_mesh,
    replicate as replicate,
    select_devices as select_devices,
    split_batch as split_batch,
)
from .jit_pmap import (
    check_divides as check_divides,
    convolution_options as convolution_options,
    jit_step as jit_step,
    pmap_step as pmap_step,
)
