"""The root of the command line: its language, and errors that say what to do."""

from __future__ import annotations

import os
from gettext import gettext as _
from typing import Any

import click
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from server.cli.texts import N_, translate_help, use_catalogues
from server.config import UnencryptedService
from server.maintenance.archive import BackupError
from server.maintenance.demo.large import DemoIncomplete
from server.maintenance.serving_role import GrantError
from server.maintenance.transfer import TransferError
from server.maintenance.upgrade import SchemaError


class LodgeGroup(click.Group):
    """Translates help and errors; shows errors of the environment without a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        os.umask(0o077)  # what this writes is for its own user alone
        use_catalogues()
        translate_help(self)
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BackupError, DemoIncomplete, GrantError, SchemaError, TransferError) as error:
            message = str(error)
        except (ArgumentError, NoSuchModuleError):
            message = _(
                "LODGE_DATABASE_URL is not the URL of a database. It looks like "
                "postgresql://name@host/database. Unset it to use SQLite."
            )
        except UnencryptedService as error:
            message = _(
                "%(setting)s names another machine without a verified TLS connection. Add "
                "sslmode=verify-full to the URL of a database, use https:// for a bucket."
            ) % {"setting": error}
        except OperationalError:
            message = _(
                "The database does not answer. Check that it is running and that "
                "LODGE_DATABASE_URL is right."
            )
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            message = _("%(file)s: %(error)s. Set LODGE_DATA_DIR to another folder.") % {
                "file": error.filename,
                "error": error.strerror,
            }
        raise click.ClickException(message)


@click.group(cls=LodgeGroup, help=N_("Lodge: for the people who look after housing estates."))
def main() -> None:
    pass
