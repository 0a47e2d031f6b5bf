"""Photos: their uploads, and the storage of their bytes."""
