"""The protocol: ops, verdicts, records, and the messages that carry them. It names no feature."""
