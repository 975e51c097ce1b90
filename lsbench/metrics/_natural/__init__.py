"""What the metrics of naturalness share: how much a face does a second, and how that of real clips compares."""
