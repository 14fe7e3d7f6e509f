"""Folders that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
HELPERS = Path(__file__).parent
SHARED = ROOT.parent / "shared" / "data"  # absent on most machines: tests that read it skip
