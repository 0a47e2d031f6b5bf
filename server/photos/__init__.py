"""Photos: uploads and where their bytes are stored."""
