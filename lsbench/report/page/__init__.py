"""The static page of a board."""
