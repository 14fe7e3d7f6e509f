"""Scores of generated samples against real ones."""
