"""How the node is doing: figures, and the rules that judge them."""
