"""Pretrained ImageNet networks, whose features the metrics compare."""
