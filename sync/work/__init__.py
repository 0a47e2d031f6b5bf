"""Work: tasks, schedules, weather, shifts and patrols."""
