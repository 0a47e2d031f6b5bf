"""Accountability: cases and their categories, monthly closes, the monthly disclosure, and the
security log."""
