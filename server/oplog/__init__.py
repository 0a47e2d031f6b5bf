"""The write path: every change of a record comes through here."""
