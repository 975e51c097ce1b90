"""Several runs side by side: ranks, tests, agreement."""
