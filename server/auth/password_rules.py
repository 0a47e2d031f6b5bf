"""Which passwords are refused. There are no rules about kinds of characters."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import select
from zxcvbn import zxcvbn

from server.db.engine import db
from server.models.people import Person
from server.models.places import Site

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 10, 256
MIN_SCORE = 3
"""Of zxcvbn, which knows 30,000 common passwords and how people vary them: 10^8 guesses or more."""

RATED_LENGTH = 64
"""Characters that are rated: the time that it takes grows fast, and these are enough."""

COMMON_PARTS = ("lodge", "password", "12345", "qwert", "abcde", "woaini", "5201314", "1314520")
"""Parts that add nothing: the name of the product and what comes to everybody's mind."""


def password_weakness(username: str, password: str, names: Iterable[str] = ()) -> str | None:
    """Why a password is refused: `short`, `long` or `guessable`; None for a good one.

    `names` are what anybody would try at this place: see `context_names`.
    """
    if len(password) < MIN_PASSWORD_LENGTH:
        return "short"
    if len(password) > MAX_PASSWORD_LENGTH:
        return "long"
    known = [*COMMON_PARTS, *(plain(name) for name in (username, *names))]
    return (
        "guessable" if _is_guessable(password, [word for word in known if len(word) > 1]) else None
    )


def plain(text: str) -> str:
    """A text without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", text.casefold())


def context_names(person_id: str) -> list[str]:
    """The names of a person and of their sites, whole and word by word."""
    rows = db.session.execute(
        select(Person.name, Site.label)
        .join(Site, (Site.site_id == Person.site_id) & (Site.id == Person.site_id))
        .where(Person.id == person_id)
    )
    texts = {text for row in rows for text in (row.name, *row.label.values())}
    return sorted(texts | {word for text in texts for word in re.split(r"[\W_]+", text) if word})


def _is_guessable(password: str, known: list[str]) -> bool:
    """Whether little is left of a password without what is known, or it is a common one."""
    rest = whole = plain(password)
    for word in sorted(known, key=len, reverse=True):
        rest = rest.replace(word, "")
    if rest != whole:
        rest = re.sub(r"\d+", "", rest)  # a name and a year
    if len(set(rest)) < 4:
        return True
    rated = zxcvbn(password[:RATED_LENGTH], user_inputs=known)
    return bool(rated["score"] < MIN_SCORE)
