"""The HTTP API that phones call."""
