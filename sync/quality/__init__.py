"""Inspections, their checklists, and corrective actions."""
