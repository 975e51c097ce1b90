"""What is silent: parts of the metrics that look at a mouth while nobody speaks."""
