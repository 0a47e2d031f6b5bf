"""What waits for a decision at the desk: conflicts, quarantine, imported outboxes."""
