"""Runs: training in a folder on disk, resumable at any point."""
