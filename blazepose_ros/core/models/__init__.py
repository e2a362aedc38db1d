"""The model files: their registry, their download."""
