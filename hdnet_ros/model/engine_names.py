"""Engines and precisions by name, to be had without the seconds that PyTorch takes to import."""

ENGINES = ("auto", "openvino", "torch")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
