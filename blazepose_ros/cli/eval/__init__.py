"""``blazepose eval``: accuracy on labeled images, as the model card measures it."""
