"""Whatever makes a video: how a generator is spelled, opened, fed and kept."""
