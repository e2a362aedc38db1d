"""``blazepose doctor``: what is wrong with this machine, and what fixes it."""
