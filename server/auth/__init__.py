"""Who may do what: sessions, devices, credentials, access rules, rate limits."""
