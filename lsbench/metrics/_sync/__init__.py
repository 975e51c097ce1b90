"""The sync score that is learned from the reference clips."""
