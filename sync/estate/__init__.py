"""The estate: places, people and contractors."""
