"""``blazepose eval``: how right poses are, on labelled images, as the model card measures it."""
