"""Limits of the operating system."""

import resource

import pytest


@pytest.fixture
def limit_files():
    """Limits the size of files: a write beyond the limit fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
