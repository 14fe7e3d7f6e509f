"""What is made from a run's checkpoints: samples, scores, exports, reports."""
