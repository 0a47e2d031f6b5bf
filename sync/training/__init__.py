"""Training: cards, content packs, training sessions, readiness, and the handbook."""
