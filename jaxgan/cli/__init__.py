"""The command line."""

from jaxgan.cli.train import main

__all__ = ["main"]
