"""Sweeps: populations of a recipe in a folder, from settings to a page."""
