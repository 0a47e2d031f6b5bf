"""What ops, verdicts and records are, and how a batch is checked: no feature."""
