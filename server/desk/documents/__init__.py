"""Documents on A4 paper: what is read from records, and one rendering each to PDF and to HTML."""
