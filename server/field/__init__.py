"""What phones load: the app shell and the compiled templates."""
