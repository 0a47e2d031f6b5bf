"""`sync` is judged alone, `server` on both databases, `browser` and `chaos` on real processes."""
