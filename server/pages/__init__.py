"""Pages of the desk: one module a feature, read from top to bottom."""

from __future__ import annotations

from server.pages import (
    assigning,
    cards,
    disclosure,
    home,
    inspections,
    misses,
    packs,
    patrol,
    people,
    places,
    records,
    schedules,
    settle,
    shifts,
    sign_in,
    templates,
    tickets,
    today,
    training,
    visits,
    wording,
)
from server.pages.telling import outcome

BLUEPRINTS = [
    home.bp,
    sign_in.bp,
    today.bp,
    settle.bp,
    records.bp,
    visits.bp,
    tickets.bp,
    people.bp,
    schedules.bp,
    patrol.bp,
    misses.bp,
    places.bp,
    assigning.bp,
    inspections.bp,
    templates.bp,
    shifts.bp,
    packs.bp,
    cards.bp,
    training.bp,
    disclosure.bp,
]

home.bp.app_context_processor(lambda: {"words": wording, "outcome": outcome})
