"""Authentication and access: sessions, devices, credentials, access rules, rate limits."""
