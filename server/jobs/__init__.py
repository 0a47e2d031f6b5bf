"""Jobs that run by themselves: planning, retention, compaction."""
