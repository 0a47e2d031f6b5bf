"""Inspections, their checklists, and what has to be put right."""
