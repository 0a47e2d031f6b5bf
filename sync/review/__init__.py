"""What a supervisor has to decide: conflicts, quarantined ops, and imported outboxes."""
