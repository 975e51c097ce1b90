"""Reading a study: ratings, screening, scores and how they agree with metrics."""
