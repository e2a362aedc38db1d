"""``blazepose bag`` and ``blazepose video``: recordings in, recordings with people out."""
