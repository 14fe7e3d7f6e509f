"""The training loop in memory."""
