"""JAX's compilation cache for the command line: a program is compiled once, not by each command.

Sampling, resuming and the next training of the same GAN thus start in half the time. The cache lies
in the user's cache folder. JAX's own environment variables have precedence:
JAX_ENABLE_COMPILATION_CACHE=false switches it off, JAX_COMPILATION_CACHE_DIR names another folder.
"""

import contextlib
import hashlib
import os
import platform
from pathlib import Path

import filelock
import platformdirs

SWITCH, FOLDER = "JAX_ENABLE_COMPILATION_CACHE", "JAX_COMPILATION_CACHE_DIR"
DEFAULTS = {
    "JAX_COMPILATION_CACHE_MAX_SIZE": str(2**29),  # bytes; the programs used last stay
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
}


def use_compilation_cache():
    """Sets JAX's variables, before JAX is imported; where no folder can be made, nothing is set."""
    if FOLDER in os.environ or os.environ.get(SWITCH, "1").lower() in ("0", "false"):
        return
    folder = _folder()
    with contextlib.suppress(OSError):  # such as a home that is read-only
        folder.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(folder)
        os.environ[FOLDER] = str(folder)
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)


def _folder() -> Path:
    # Programs for one kind of processor may fail on another, and homes are shared by machines.
    features = hashlib.sha256(_processor().encode()).hexdigest()[:8]
    return platformdirs.user_cache_path("jaxgan") / "xla" / f"{platform.machine()}-{features}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _remove_unfinished(folder: Path):
    """Removes programs whose writer was killed; JAX would fail to read them each time."""
    with contextlib.suppress(filelock.Timeout), filelock.FileLock(folder / ".lockfile", timeout=1):
        for program in folder.glob("*-cache"):
            if not program.with_name(f"{program.name.removesuffix('-cache')}-atime").exists():
                program.unlink()
