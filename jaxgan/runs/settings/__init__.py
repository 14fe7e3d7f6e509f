"""The settings of a run: how they are given, stored and compared."""
