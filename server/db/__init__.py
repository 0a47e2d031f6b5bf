"""The database engine, transactions and statements on many rows."""
