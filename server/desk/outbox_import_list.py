"""The list of phone files that were imported: from which phone, when, by whom, how many records."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from server.db.engine import db
from server.desk.form_fields import Options
from server.desk.history import device_labels
from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    author_column,
    count_column,
    load_authors,
    text_column,
)
from server.models.outbox_imports import OutboxImport
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

SIGNATURES = {
    "signed": Choice(
        label=_l("Signed by the phone"), condition=lambda _: OutboxImport.sealed.is_(True)
    ),
    "unsigned": Choice(label=_l("Not signed"), condition=lambda _: OutboxImport.sealed.is_(False)),
}


def phone_labels(context: ListContext) -> dict[str, str]:
    """What the phones of the site are called, by id."""
    return context.once("phone labels", lambda: device_labels(context.site_id))


def phone_options(context: ListContext) -> Options:
    """The phones from which a file was imported."""
    imported = select(OutboxImport.device_id).where(OutboxImport.site_id == context.site_id)
    ids, labels = set(db.session.scalars(imported.distinct())), phone_labels(context)
    return sorted(((id_, labels.get(id_, "?")) for id_ in ids), key=lambda pair: pair[1])


def signature(row: Any, _: ListContext) -> Cell:
    """Whether the phone has signed the file."""
    if row.sealed:
        return Cell(gettext("signed"), tone="dim")
    return Cell(gettext("not signed: each record waits for a decision"), tone="warn", icon="alert")


OUTBOX_IMPORTS = RecordList(
    name="outbox_imports",
    title=_l("Imported phone files"),
    roles=DESK_ROLES,
    site=OutboxImport.site_id,
    id=OutboxImport.id,
    show="people.phone",
    show_by="device_id",
    formulas=("X9",),
    empty=_l("No file was imported. A phone that cannot send can save its records to a file."),
    order="-taken_at",
    prepare=load_authors,
    columns=(
        Column(
            "phone",
            _l("Phone"),
            lambda row, context: phone_labels(context).get(row.device_id, "?"),
            (OutboxImport.device_id,),
        ),
        text_column("taken_at", _l("Imported at"), OutboxImport.taken_at),
        author_column(
            "taken_by", _l("Imported by"), OutboxImport.taken_by_id, OutboxImport.taken_at
        ),
        text_column("exported_at", _l("Saved on the phone at"), OutboxImport.exported_at),
        count_column("ops", _l("Records"), OutboxImport.ops),
        count_column("pictures", _l("Photos"), OutboxImport.pictures),
        Column(
            "signature",
            _l("Signature"),
            signature,
            (OutboxImport.sealed,),
            sort=(OutboxImport.sealed,),
        ),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Phone, person"),
            people=(OutboxImport.taken_by_id,),
            named={OutboxImport.device_id: phone_labels},
        ),
        ChoiceFilter(name="signature", label=_l("Signature"), choices=SIGNATURES),
        OptionFilter(
            name="phone", label=_l("Phone"), column=OutboxImport.device_id, load=phone_options
        ),
        PersonFilter(name="person", label=_l("Person"), columns=(OutboxImport.taken_by_id,)),
        PeriodFilter(name="taken", label=_l("Imported"), column=OutboxImport.taken_at),
    ),
    views=(
        View(name="all", label=_l("All"), values={}),
        *(
            View(name=name, label=each.label, values={"signature": name})
            for name, each in SIGNATURES.items()
        ),
    ),
    template="desk/outbox_imports/index.html",
)
