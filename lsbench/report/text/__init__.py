"""Boards and pairs as text: terminal, Markdown, LaTeX, CSV, JSON."""
