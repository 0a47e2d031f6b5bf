"""A phone on one page: whose it is, when it was heard from, and what is missing of it."""

from __future__ import annotations

from uuid import UUID

from flask import abort
from flask_babel import gettext

from server.auth.access import current_user
from server.auth.device_people import people_of
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Block, Document, Facts, Paragraph, Section
from server.desk.documents.sources import full_time, person, said, site_label, site_mark, words
from server.desk.phone_status import PhoneStatus, phone_statuses
from server.models.access import EVERYBODY, Device
from sync.protocol.roles import DESK_ROLES


def build(id_: str) -> Document:
    device = _device(id_)
    status = phone_statuses(device.site_id, [device])[0]
    return Document(
        words(gettext("Phone"), device.label),
        subtitle=site_label(),
        facts=_facts(device, status),
        sections=[
            Section(gettext("People of this phone"), [Paragraph(_people(device))]),
            Section(gettext("Missing records"), _missing(status)),
        ],
        signatures=[gettext("Handed out to"), gettext("Supervisor"), gettext("Date")],
        footer=site_mark(),
    )


def _device(id_: str) -> Device:
    """A phone of the current user's site; aborts with 404 for any other id."""
    try:
        device = db.session.get(Device, str(UUID(id_)))
    except ValueError:
        abort(404)
    return device if device and device.site_id == current_user().site_id else abort(404)


def _facts(device: Device, status: PhoneStatus) -> Facts:
    percent = status.storage_percent
    return said(
        [
            (gettext("Set up at"), full_time(device.enrolled_at)),
            (gettext("Set up by"), person(device.enrolled_by)),
            (gettext("Last contact"), full_time(device.seen_at)),
            (gettext("Everything received up to"), full_time(device.clear_at)),
            (gettext("Version of the app"), device.app),
            (gettext("Storage"), None if percent is None else f"{percent} %"),
            (gettext("Blocked at"), full_time(device.revoked_at)),
            (gettext("Reported lost at"), full_time(device.lost_at)),
            (gettext("Reason"), device.ended_because),
        ]
    )


def _people(device: Device) -> str:
    if device.people_key == EVERYBODY:
        return gettext("Everybody who works here")
    return ", ".join(sorted(person(id_) for id_ in people_of(device.id)))


def _missing(status: PhoneStatus) -> list[Block]:
    """The numbers of records that have not arrived, and of those that the phone reported lost."""
    gaps = [
        gettext(
            "Records %(first)s to %(last)s have not arrived since %(time)s.",
            first=gap.first,
            last=gap.last,
            time=full_time(gap.since),
        )
        for gap in status.gaps
    ]
    lost = [
        gettext("Records %(first)s to %(last)s are lost.", first=first, last=last)
        for first, last in status.lost
    ]
    if not gaps and not lost:
        return [Paragraph(gettext("Nothing is missing."))]
    return [Paragraph(text, is_warning=True) for text in (*gaps, *lost)]


DOCUMENT = DocumentType("phone", "/desk/people/phones/<id>", DESK_ROLES, build)
