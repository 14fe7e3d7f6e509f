"""Networks trained on ImageNet, whose features metrics compare."""
