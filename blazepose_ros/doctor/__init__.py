"""``blazepose doctor``: what is wrong with this machine, and what mends it."""
