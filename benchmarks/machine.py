"""What the numbers hold for: device and versions, the best rate, and how busy the machine was."""

import contextlib
import datetime
import importlib.metadata
import importlib.util
import os
import platform
import time

import jax
import jax.numpy as jnp
import numpy as np

MATRIX_SIZE = 2048
MOST_DISTURBED = 0.05
"""The largest share of the cores for other processes beside which ratios hold."""
PACKAGES = ("jaxgan", "jax", "jaxlib", "optax", "flax", "torch", "keras", "numpy", "scikit-learn")


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def print_machine():
    """Device, versions and date: what the numbers hold for."""
    device = jax.devices()[0]
    print(f"{datetime.date.today()}  {platform.machine()}, {available_cores()} cores, ", end="")
    print(f"JAX on {device.platform} ({device.device_kind})")
    versions = []
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{package} {importlib.metadata.version(package)}")
    print(f"Python {platform.python_version()}, {', '.join(versions)}")


def cpu_times() -> tuple[float, float, float] | None:
    """Seconds of the clock, of all cores busy or stolen, and of this process; None off Linux.

    Processes that this one has waited for count as its own.
    """
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, irq, soft, steal = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    busy = (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
    return time.perf_counter(), busy, sum(os.times()[:4])


def others_share(
    before: tuple[float, float, float] | None, after: tuple[float, float, float] | None
) -> float | None:
    """The share of all cores' time that went to other processes in between, if known."""
    if before is None or after is None:
        return None
    wall, busy, own = (b - a for a, b in zip(before, after, strict=True))
    return (busy - own) / (wall * (os.cpu_count() or 1))


def matrix_product_rates(repeats: int = 9) -> dict[str, float]:
    """Best GFLOP/s of a large float32 matrix product, in every library that is here."""
    x = np.random.default_rng(0).standard_normal((MATRIX_SIZE, MATRIX_SIZE)).astype(np.float32)
    on_device = jnp.asarray(x)
    product = jax.jit(jnp.matmul)
    products = {
        "XLA": lambda: product(on_device, on_device).block_until_ready(),
        "NumPy": lambda: x @ x,
    }
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(available_cores())
        tensor = torch.from_numpy(x)
        if torch.cuda.is_available():
            torch.set_float32_matmul_precision("high")
            tensor = tensor.cuda()
            products["PyTorch"] = lambda: (tensor @ tensor, torch.cuda.synchronize())
        else:
            products["PyTorch"] = lambda: tensor @ tensor
    seconds: dict[str, list[float]] = {name: [] for name in products}
    for _ in range(repeats):
        for name, run in products.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: 2e-9 * MATRIX_SIZE**3 / min(each) for name, each in seconds.items()}


def is_quiet(others: float | None) -> bool:
    """Whether ratios hold beside the share of other processes; True where that is unknown."""
    return others is None or others <= MOST_DISTURBED


def print_disturbance(others: float | None):
    """Says what share of the machine other processes had meanwhile, and what that means."""
    if others is None:
        return
    print(f"Other processes used {max(others, 0.0):.0%} of the cores meanwhile")
    if not is_quiet(others):
        print("Ratios do not hold, since the machine was busy: PyTorch's threads wait for each")
        print("other by spinning and lose far more by it (up to 25x seen) than those of XLA.")
