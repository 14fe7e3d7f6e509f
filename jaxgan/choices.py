"""The names that settings choose from, as types. Nothing here imports JAX."""

from typing import Literal

Player = Literal["discriminator", "generator"]
Alternation = Literal["steps", "epochs"]
UpdateOrder = Literal["alternating", "simultaneous"]
Precision = Literal["float32", "bfloat16"]
NonfinitePolicy = Literal["stop", "skip", "rollback"]
Parallelization = Literal["jit", "pmap"]
AugmentationName = Literal["diffaugment", "ada"]
AlertKind = Literal[
    "equilibrium", "discriminator-wins", "discriminator-fails", "collapse", "deterioration"
]
ScoreName = Literal["fd", "kd", "is", "pr", "dc", "swd", "modes"]
Features = Literal["classifier", "vgg16", "inception:FILE", "pixels"]
