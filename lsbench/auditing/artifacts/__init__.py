"""Faults of known kind and strength, injected into real clips: what `lsbench audit` asks every metric to notice."""
