"""The toy corpus: drawn speakers with exact landmarks."""
