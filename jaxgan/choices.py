"""The names that settings choose from, as types. Nothing here imports JAX."""

from typing import Literal

Player = Literal["discriminator", "generator"]
Alternation = Literal["steps", "epochs"]
UpdateName = Literal[
    "alternating",
    "simultaneous",
    "extragradient",
    "extrapolation_from_the_past",
    "optimistic",
    "consensus",
    "symplectic",
    "competitive",
    "unrolled",
    "lookahead",
    "runge_kutta",
    "anderson",
]
Precision = Literal["float32", "bfloat16"]
NonfinitePolicy = Literal["stop", "skip", "rollback"]
Parallelization = Literal["jit", "pmap"]
AugmentationName = Literal[
    "diffaugment",
    "apa",
    "ada",
    "ada-blit",
    "ada-geom",
    "ada-color",
    "ada-filter",
    "ada-noise",
    "ada-cutout",
    "ada-bg",
    "ada-bgc",
    "ada-bgcf",
    "ada-bgcfn",
    "ada-bgcfnc",
]
AlertKind = Literal[
    "equilibrium",
    "discriminator-wins",
    "discriminator-fails",
    "oscillation",
    "collapse",
    "deterioration",
]
Domain = Literal["a", "b"]
TrackerName = Literal["tensorboard", "wandb", "mlflow"]
ExportFormat = Literal["stablehlo", "onnx"]
ScoreName = Literal[
    "fd",
    "kd",
    "is",
    "pr",
    "dc",
    "swd",
    "mind",
    "fd_infinity",
    "sfd",
    "class_accuracy",
    "intra_class_fd",
    "intra_class_std",
    "memorisation",
    "modes",
]
Features = Literal[
    "classifier",
    "vgg16",
    "inception:FILE",
    "dinov2:FILE",
    "clip:FILE",
    "onnx:FILE[,SCALING]",
    "pixels",
    "MODULE:FUNCTION",
]
Resizing = Literal["bilinear", "tensorflow", "clean"]
