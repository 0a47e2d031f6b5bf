"""Builds the large demo: its master data, then one day after the other up to `now`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import structlog

from server.db.engine import db, write_transaction
from server.db.statements import chunks
from server.jobs import frequent_visitors, scheduler
from server.maintenance import seed
from server.maintenance.demo.large import gate, office, service, work
from server.maintenance.demo.large.day import Day
from server.maintenance.demo.large.duties import duty_ops
from server.maintenance.demo.large.estate import SITE_ID, SITE_LABEL, Estate, Scale
from server.maintenance.demo.large.people import create_accounts, person_ops
from server.maintenance.demo.large.phones import LABELS, Phone, submit_checked
from server.models.feed import ServerState, SiteHead
from server.oplog import receive
from server.oplog.incoming import NewOp, Source
from sync.protocol.clock import SITE_ZONE, format_time

SEED = 20261128
BATCH_SIZE = 500
BUILT_KEY = "demo_large_built"
"""Row of `server_state` that is written last: without it the site is incomplete."""

log = structlog.get_logger("lodge.demo")


class DemoIncomplete(Exception):
    """An earlier build was interrupted; its message says what to do."""


def build(now: datetime, scale: Scale | None = None, random_seed: int = SEED) -> Counter[str]:
    """Build the site with its history up to `now`, in UTC; returns the number of ops by kind.

    Does nothing if it was built before. Raises DemoIncomplete after an interrupted build, and
    RefusedOp if the rules do not accept an op.
    """
    if db.session.get(ServerState, BUILT_KEY):
        return Counter()
    if db.session.get(SiteHead, SITE_ID):
        raise DemoIncomplete(
            "Building the large demo was interrupted. Empty the data folder and start again."
        )
    estate = Estate(scale or Scale(), random_seed)
    today = now.astimezone(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    first_day = today - timedelta(days=estate.scale.days)
    since = (first_day - timedelta(days=1)).astimezone(UTC)
    counts = _create_site(estate, since)
    phones = _enrol_phones(since)
    for number in range(estate.scale.days + 1):
        day = Day(estate, phones, first_day + timedelta(days=number), now)
        counts.update(_simulate(day))
    counts.update(_finish(estate, phones, now))
    with write_transaction():
        db.session.add(ServerState(key=BUILT_KEY, value=format_time(now)))
    return counts


def _create_site(estate: Estate, since: datetime) -> Counter[str]:
    receive.create_site(SITE_ID)
    create_accounts()
    ops = [
        seed.idempotent_op("site.add", SITE_ID, {"label": SITE_LABEL}),
        *person_ops(),
        *estate.place_ops(),
        *duty_ops(estate, since),
        *seed.shared_content_ops(SITE_ID),
        *office.category_ops(),
    ]
    counts = _submit(ops, since)
    scheduler.plan(SITE_ID, since)
    return counts


def _enrol_phones(now: datetime) -> dict[str, Phone]:
    phones = {key: Phone(key) for key in LABELS}
    for phone in phones.values():
        phone.enrol(now)
    return phones


def _simulate(day: Day) -> Counter[str]:
    """One day: plan, let everybody work, and let every phone send once an hour."""
    scheduler.plan(SITE_ID, min(day.at(0, 5), day.now))
    db.session.remove()
    work.simulate_shifts(day)
    work.simulate_tasks(day)
    work.simulate_patrols(day)
    gate.simulate_visits(day)
    service.simulate_tickets(day)
    service.simulate_home_entries(day)
    office.simulate_inspections(day)
    office.simulate_found_items(day)
    counts: Counter[str] = Counter()
    for hour in range(1, 25):
        if day.at(hour) <= day.now:
            counts.update(_send_all(day.phones.values(), day.at(hour), day.now))
    log.info("demo day built", day=str(day.start.date()), ops=counts.total())
    return counts


def _send_all(phones: Iterable[Phone], until: datetime, now: datetime) -> Counter[str]:
    """Let phones send one after the other, ten seconds apart."""
    counts: Counter[str] = Counter()
    for place, phone in enumerate(phones):
        counts.update(phone.send(until, min(until + timedelta(seconds=10 * place), now)))
    return counts


def _finish(estate: Estate, phones: dict[str, Phone], now: datetime) -> Counter[str]:
    """What is submitted as of `now`, after the last day."""
    office.report_lost_property(estate, phones, now)
    counts = _send_all(phones.values(), now, now)
    counts.update(_submit(office.arrears_ops(estate, now), now))
    counts.update(_submit(office.case_ops(now), now))
    for phone in phones.values():
        phone.report(now)
    scheduler.plan(SITE_ID, now)
    frequent_visitors.update_frequent_visitors(SITE_ID, now)
    return counts


def _submit(ops: Iterable[NewOp], now: datetime) -> Counter[str]:
    """Submit ops of the desk in batches."""
    counts: Counter[str] = Counter()
    for batch in chunks(list(ops), BATCH_SIZE):
        submit_checked(batch, Source.for_desk(now))
        counts.update(op["kind"] for op in batch)
    return counts
