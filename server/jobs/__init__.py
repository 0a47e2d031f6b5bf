"""Background jobs: planning, retention, frequent visitors, compaction, and their runner."""
