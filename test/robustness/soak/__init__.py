"""A soak: hours of trouble for the node, and what must hold throughout."""
