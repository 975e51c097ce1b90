"""A leaderboard written out: terminal table, CSV, JSON, Markdown."""
