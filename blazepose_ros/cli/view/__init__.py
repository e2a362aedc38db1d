"""``blazepose view``: a web page that shows what the node sees."""
