"""The gate: visits, frequent visitors, gate passes, home entries."""
