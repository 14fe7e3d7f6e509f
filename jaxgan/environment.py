"""What results depend on besides their settings: versions, devices and the date."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import jax

PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def environment() -> dict[str, Any]:
    """Versions of the packages and of Python, devices, processes and CPU cores, and the date."""
    kinds = {device.device_kind for device in jax.devices()}
    return {
        "versions": {package: version(package) for package in PACKAGES},
        "device": f"{len(jax.devices())} x {', '.join(sorted(kinds))}, "
        f"{_counted(jax.process_count(), 'process', 'processes')} of "
        f"{_counted(os.cpu_count(), 'CPU core', 'CPU cores')}",
        "python": platform.python_version(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _counted(count: int | None, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
