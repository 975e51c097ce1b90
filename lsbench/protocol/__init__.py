"""Which clips are compared, under which rules."""
