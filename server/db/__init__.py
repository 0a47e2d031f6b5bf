"""The database engine, transactions and prepared statements."""
