"""A run's configuration: declared, stored, and compared on resume."""
