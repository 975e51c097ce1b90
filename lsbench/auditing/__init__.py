"""Which metric notices which artifact: injected faults of known strength, measured by every metric on every region."""
