"""The `lodge` command."""

from server.cli.database import (
    backup_command,
    compact,
    grant,
    init,
    key,
    links,
    move,
    purge,
    restore,
    verify,
    version,
)
from server.cli.group import main
from server.cli.serving import THREADS, demo, serve
from server.cli.sites import enrol, site
from server.cli.users import user

__all__ = ["THREADS", "main"]

for command in (init, serve, demo, site, user, enrol):
    main.add_command(command)
for command in (key, verify, links, purge, compact, backup_command, restore, move, grant, version):
    main.add_command(command)
