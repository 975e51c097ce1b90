"""What the machine lends: a cache on disk, locks, worker processes, strict JSON, downloads."""
