"""Places, people and contractors."""
