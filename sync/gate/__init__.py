"""What passes the gate: visits, gate passes, entries into homes."""
