"""``blazepose demo``: camera and node at work, and pictures of it."""
