"""Limits of the operating system."""

import resource

import pytest


@pytest.fixture
def limit_files():
    """Lets files grow to so many bytes only: a write beyond fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
