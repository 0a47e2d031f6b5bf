"""Accountability: cases and their categories, monthly closes, and the monthly disclosure."""
