"""What a run's generator can be used for: samples, scores, exports, reports."""
