"""Making a study: its design, its videos, its page."""
