"""Languages: the locale of a request, and filters for labels, times and numbers."""
