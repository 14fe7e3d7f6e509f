"""The files of a run: checkpoints, logs, results."""
