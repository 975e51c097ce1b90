"""What the author of a metric imports."""
