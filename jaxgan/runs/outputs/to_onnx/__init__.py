"""Conversion of functions of JAX to ONNX models."""
