"""Work on whole databases: backup, restore, move, upgrade, what new sites begin with, demo data."""
