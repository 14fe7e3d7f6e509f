"""The same GANs in several frameworks, one a file; `throughput.py` times them."""
