"""Services of other machines: only over TLS that verifies who answers."""

import pytest

from server.config import UnencryptedService, refuse_unencrypted

SAFE = (
    "sqlite:////data/lodge.sqlite3",
    "postgresql+psycopg://lodge@/lodge",
    "postgresql+psycopg://lodge@localhost/lodge",
    "postgresql+psycopg://lodge@[::1]:5432/lodge?sslmode=disable",
    "postgresql+psycopg://lodge@/lodge?host=/run/a,/run/b",
    "postgresql+psycopg://lodge@db.example.org/lodge?sslmode=verify-full",
    "postgresql+psycopg://lodge@10.0.0.5/lodge?sslmode=verify-ca&sslrootcert=/etc/lodge/ca.pem",
)
UNSAFE = (
    "postgresql+psycopg://lodge@db.example.org/lodge",
    "postgresql+psycopg://lodge@10.0.0.5/lodge?sslmode=disable",
    "postgresql+psycopg://lodge@10.0.0.5/lodge?sslmode=require",
    "postgresql+psycopg://lodge@/lodge?host=/run/a,db.example.org&sslmode=prefer",
)
BUCKET = "s3://photos/lodge?endpoint={}"


@pytest.mark.asvs("12.3.1", "12.3.2", "12.3.3", "12.3.4")
def test_a_database_of_another_machine_needs_verified_tls():
    for url in SAFE:
        refuse_unencrypted(url, None)
    for url in UNSAFE:
        with pytest.raises(UnencryptedService, match="LODGE_DATABASE_URL"):
            refuse_unencrypted(url, None)


@pytest.mark.asvs("12.3.1")
def test_a_bucket_of_another_machine_needs_https():
    for endpoint in ("https://s3.example.org", "http://127.0.0.1:9000"):
        refuse_unencrypted(SAFE[0], BUCKET.format(endpoint))
    refuse_unencrypted(SAFE[0], "s3://photos/lodge")
    with pytest.raises(UnencryptedService, match="LODGE_PHOTOS_URL"):
        refuse_unencrypted(SAFE[0], BUCKET.format("http://s3.example.org"))
