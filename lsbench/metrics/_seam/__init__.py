"""How the visible edge of a pasted box is found and measured."""
