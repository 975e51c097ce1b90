"""GRID: found, checked, downloaded and prepared."""
