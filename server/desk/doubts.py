"""What speaks against a record: shown to whoever decides about it, before anything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from flask_babel import gettext, ngettext
from sqlalchemy import select

from server.db.engine import db
from server.desk.history import OpLine
from server.models.access import Device
from server.models.oplog import Lineage
from sync import KINDS
from sync.protocol.hash_chain import open_gaps
from sync.work.board import SILENT_AFTER, active_phones

UNCERTAIN_MS = 2_000
"""A time that may be wrong by more than this is doubtful."""


@dataclass(frozen=True, slots=True)
class PhoneDoubts:
    """The phones of a site that may still send something: since when each silent one has not been
    heard from, and how many records are missing in the chains of each."""

    silent_since: dict[str, datetime]
    missing: Counter[str]


def phone_doubts(site_id: str) -> PhoneDoubts:
    """Which phones of a site are silent or incomplete."""
    now, missing = datetime.now(UTC), Counter[str]()
    phones = active_phones(db.session.scalars(Device.for_site(site_id)))
    contacts = {phone.id: phone.seen_at or phone.enrolled_at for phone in phones}
    chains = select(Lineage.device_id, Lineage.gaps, Lineage.lost).where(
        Lineage.site_id == site_id, Lineage.device_id.is_not(None)
    )
    for device_id, gaps, lost in db.session.execute(chains):
        if device_id and gaps:
            missing[device_id] += sum(b - a + 1 for a, b in open_gaps(gaps, lost))
    silent = {id_: at for id_, at in contacts.items() if now - at > SILENT_AFTER}
    return PhoneDoubts(silent, missing)


def op_doubts(line: OpLine, phones: PhoneDoubts, *, shown: Iterable[str] = ()) -> list[str]:
    """What speaks against one op, as sentences, without the flags that are `shown` anyway.

    Its late arrival is not among them (`OpLine.sync_delay`), nor how sure its author is
    (`OpLine.certainty`): both stand beside it.
    """
    op, hidden = line.op, {*shown}
    labels = zip(op.flags, line.flag_labels, strict=True)
    found = [label for flag, label in labels if flag not in hidden]
    if op.uncertainty_ms > UNCERTAIN_MS:
        seconds = op.uncertainty_ms // 1000
        found.append(gettext("The time may be wrong by %(seconds)s s.", seconds=seconds))
    if lacks_photo(line):
        found.append(gettext("No photo."))
    if count := phones.missing[op.device_id or ""]:
        sentence = ngettext(
            "%(num)d record of this phone is missing.",
            "%(num)d records of this phone are missing.",
            count,
        )
        found.append(sentence)
    return found


def lacks_photo(line: OpLine) -> bool:
    """Whether an op says that something was done, could have had a photo, and has none."""
    kind = KINDS.get(line.op.kind)
    takes_photos = kind and not kind.creates and "photos" in kind.payload().fields
    payload = line.op.payload if isinstance(line.op.payload, dict) else {}
    return bool(takes_photos and line.op.device_id and not payload.get("photos"))
