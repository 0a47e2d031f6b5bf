"""Tasks, schedules, weather, shifts and patrol rounds."""
