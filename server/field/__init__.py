"""What phones load: the app shell and the bundle of compiled templates, scripts and styles."""
