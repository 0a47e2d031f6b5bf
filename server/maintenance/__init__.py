"""Commands for operators: backup, restore, move, upgrade, demo data."""
