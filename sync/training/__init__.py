"""Cards, training sessions, readiness, and the handbook."""
