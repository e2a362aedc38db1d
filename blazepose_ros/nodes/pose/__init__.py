"""The node `blazepose`: camera images in, people out."""
