"""Cases about people, their categories, and what a month discloses."""
