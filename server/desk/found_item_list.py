"""The list of found items: where they are kept, who was told, who got them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast

from server.desk.lists import (
    AreaFilter,
    BulkAction,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    author_column,
    load_authors,
    text_column,
)
from server.desk.payload_form import PayloadForm
from server.models.found_items import FoundItem
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.service.found_items import state as state_of

STEP_FORMS = {
    step: PayloadForm(f"find.{step}") for step in ("notify", "keep", "return", "to_police")
}
"""The forms of what may happen to a found item."""


def is_here() -> ColumnElement[bool]:
    """Whether an item was neither returned nor handed to the police."""
    return FoundItem.ended_at.is_(None)


def is_announced() -> ColumnElement[bool]:
    """O3: whether somebody was told of it."""
    return cast(FoundItem.notices, String) != "[]"


STATES = {
    "here": Choice(label=_lp("found items", "Kept here"), condition=lambda _: is_here()),
    "kept": Choice(
        label=_lp("found items", "Nobody told yet"),
        condition=lambda _: and_(is_here(), ~is_announced()),
    ),
    "notified": Choice(
        label=_l("notice given"), condition=lambda _: and_(is_here(), is_announced())
    ),
    "returned": Choice(
        label=_l("returned to owner"), condition=lambda _: FoundItem.ended_how == "returned"
    ),
    "police": Choice(
        label=_l("handed to police"), condition=lambda _: FoundItem.ended_how == "police"
    ),
}
READ = (
    *(FoundItem.area, FoundItem.found_where, FoundItem.notices, FoundItem.chain),
    *(FoundItem.ended_at, FoundItem.ended_how, FoundItem.ended_with),
)


def found_where(row: Any, context: ListContext) -> str:
    """Where it was found."""
    return context.area(row.area) or row.found_where or ""


def progress(row: Any, context: ListContext) -> str:
    """What has become of it, and who has it now."""
    label = context.state("find", state_of(row._mapping))
    return f"{label}: {row.ended_with}" if row.ended_with else label


def stored_at(row: Any, _: ListContext) -> str:
    """Where it is kept, while it is."""
    return "" if row.ended_at or not row.chain else row.chain[-1].get("place") or ""


def record_step(step: str) -> Any:
    """The ops of a bulk action that records the same step of several items."""

    def ops(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
        return [(f"find.{step}", id_, STEP_FORMS[step].payload(form))]

    return ops


FOUND_ITEMS = RecordList(
    name="found_items",
    title=_l("Found items"),
    roles=FRONT_DESK_ROLES,
    site=FoundItem.site_id,
    id=FoundItem.id,
    show="found_items.show",
    personal=True,
    formulas=("O1", "O2", "O3"),
    empty=_l("No items are kept. Whoever finds something records it here or on a phone."),
    order="-found_at",
    conditions=lambda _: [FoundItem.purged_at.is_(None)],
    prepare=load_authors,
    columns=(
        text_column("what", _l("What was found"), FoundItem.what),
        Column("where", _l("Found at (place)"), found_where, READ),
        text_column("found_at", _l("Recorded at"), FoundItem.found_at),
        author_column("found_by", _l("Recorded by"), FoundItem.found_by_id, FoundItem.found_at),
        Column("progress", _l("Progress"), progress, READ),
        Column("stored_at", _l("Stored at"), stored_at, READ),
        text_column("condition", _l("Condition"), FoundItem.condition, shown=False),
        text_column("finder", _l("Found by"), FoundItem.finder, shown=False),
        text_column("ended_at", _l("Given away at"), FoundItem.ended_at, shown=False),
        text_column("receipt", _l("Proof or receipt"), FoundItem.receipt, shown=False, sort=()),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Item, place, person"),
            columns=(
                FoundItem.what,
                FoundItem.condition,
                FoundItem.found_where,
                FoundItem.finder,
                FoundItem.ended_with,
            ),
            people=(FoundItem.found_by_id,),
            areas=(FoundItem.area,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="here"),
        PersonFilter(
            name="person",
            label=_l("Person"),
            columns=(FoundItem.found_by_id, FoundItem.ended_by_id),
        ),
        AreaFilter(name="area", label=_l("Area"), column=FoundItem.area),
        PeriodFilter(name="found", label=_lp("found items", "Found"), column=FoundItem.found_at),
    ),
    views=(
        *(
            View(name=name, label=each.label, values={"state": name})
            for name, each in STATES.items()
        ),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ),
    actions=(
        BulkAction(
            name="keep",
            label=_l("Move to another place"),
            ops=record_step("keep"),
            inputs=lambda _: STEP_FORMS["keep"].inputs(),
            icon="box",
        ),
        BulkAction(
            name="notify",
            label=_l("Notify someone"),
            ops=record_step("notify"),
            inputs=lambda _: STEP_FORMS["notify"].inputs(),
            icon="bell",
        ),
        BulkAction(
            name="to_police",
            label=_l("Hand over to the police"),
            ops=record_step("to_police"),
            inputs=lambda _: STEP_FORMS["to_police"].inputs(),
            icon="out",
        ),
    ),
    template="desk/found_items/index.html",
)
