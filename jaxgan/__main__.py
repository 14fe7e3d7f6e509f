"""Lets `python -m jaxgan` be the command line."""

from jaxgan.cli import main

if __name__ == "__main__":
    main()
