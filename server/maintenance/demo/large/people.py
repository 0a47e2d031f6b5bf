"""The 81 people of the large demo. Their names are an animal and a duty: nobody is called so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from server.auth.credentials import get_or_create_account, hash_password
from server.db.engine import write_transaction
from server.maintenance import seed
from server.maintenance.demo.ids import PASSWORD, demo_id
from server.oplog.incoming import NewOp

PIN = "258000"
"""Of everybody in the large demo."""
ANIMALS = "獭兔鹭雀鹤鸥狐狸獾貂鼬鹊鸽莺鹂鹅鸭鹿羊鼹蛙蝶蜂蚁螺蚌虾蟹鲤鲫"


@dataclass(frozen=True, slots=True)
class Team:
    """People with one role. `key`: prefix of their keys; `duty`: second part of their names;
    `username`: prefix of their desk accounts, None for those who use a phone only."""

    key: str
    role: str
    size: int
    duty: str
    number: str
    username: str | None = None


TEAMS = (
    Team("cleaner", "cleaner", 30, "小净", "BJ"),
    Team("guard", "guard", 25, "守门", "BA"),
    Team("repair", "repair", 4, "修好", "WX"),
    Team("contractor", "contractor_worker", 6, "帮修", "WB"),
    Team("desk", "service_desk", 8, "应声", "KF", "desk"),
    Team("supervisor", "supervisor", 5, "巡查", "ZG", "super"),
    Team("manager", "manager", 2, "理事", "JL", "manager"),
    Team("admin", "admin", 1, "管机", "IT", "admin"),
)


TRADES = {
    "repair1": ["electrician", "lifts"],
    "repair2": ["plumber", "air_conditioning"],
    "repair3": ["locks", "carpentry"],
}
"""The trades of repair workers; `repair4` does everything."""


@dataclass(frozen=True, slots=True)
class Person:
    """`key`: what other modules name the person by: cleaner1, guard25."""

    key: str
    name: str
    role: str
    employee_no: str
    username: str | None

    @property
    def id(self) -> str:
        return person_id(self.key)


def person_id(key: str) -> str:
    return demo_id("otter", "person", key)


def _people() -> Iterator[Person]:
    animals = count()
    for team in TEAMS:
        for number in range(1, team.size + 1):
            animal = ANIMALS[next(animals) % len(ANIMALS)]
            username = f"{team.username}{number}" if team.username else None
            employee_no = f"{team.number}{number:02}"
            name = f"{animal}{team.duty}"
            yield Person(f"{team.key}{number}", name, team.role, employee_no, username)


PEOPLE = {person.key: person for person in _people()}
KEYS_BY_ID = {person.id: person.key for person in PEOPLE.values()}


def create_accounts() -> None:
    """PINs for everybody, passwords for those who use the desk.

    Both are public and the same for all, so each is hashed once: hashing is slow by design.
    """
    pin_hash, password_hash = hash_password(PIN), hash_password(PASSWORD)
    with write_transaction():
        for person in PEOPLE.values():
            account = get_or_create_account(person.id)
            account.pin_hash = pin_hash
            if person.username:
                account.username, account.password_hash = person.username, password_hash


def person_ops() -> Iterator[NewOp]:
    for person in PEOPLE.values():
        payload: dict[str, Any] = {
            "name": person.name,
            "roles": [person.role],
            "employee_no": person.employee_no,
        }
        if person.key in TRADES:
            payload["trades"] = TRADES[person.key]
        yield seed.idempotent_op("person.add", person.id, payload)


def listed_pins() -> dict[str, str]:
    """PINs by person id of the first of each team: whom the front page of a demo lists."""
    return {person_id(f"{team.key}1"): PIN for team in TEAMS}
