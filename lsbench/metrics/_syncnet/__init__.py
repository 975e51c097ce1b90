"""What SyncNet sees: its crops, its speech features, its embeddings."""
