"""The places of the large demo, and the state that its days share while they are built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from server.maintenance import seed
from server.maintenance.demo.ids import demo_id, label
from server.oplog.incoming import NewOp

SITE_ID = demo_id("otter")
SITE_LABEL = label("水獭湾(大型演示小区)", "Otter Bay (large demo estate)")
VACANT_SHARE = 0.06

GROUNDS = (
    ("gate-north", "北大门", "North gate", "gate"),
    ("gate-south", "南大门", "South gate", "gate"),
    ("garden", "中心花园", "Central garden", "outdoor"),
    ("playground", "儿童乐园", "Playground", "outdoor"),
    ("roads-east", "东区道路", "East roads", "outdoor"),
    ("roads-west", "西区道路", "West roads", "outdoor"),
    ("refuse-1", "一号垃圾点", "Refuse point 1", "refuse_point"),
    ("refuse-2", "二号垃圾点", "Refuse point 2", "refuse_point"),
    ("refuse-3", "三号垃圾点", "Refuse point 3", "refuse_point"),
    ("office", "物业服务中心", "Service centre", "office"),
    ("pump-room", "水泵房", "Pump room", "room"),
    ("garage", "地下车库", "Garage", "room"),
)
"""Key, Chinese, English, kind of area."""
ROUTES = (1, 2, 3)
POINTS_PER_ROUTE = 12


def place_id(key: str) -> str:
    return demo_id("otter", "area", key)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the estate is. The default is the demo; tests build a smaller one."""

    buildings: int = 12
    stairwells: int = 3
    floors: int = 18
    homes_per_floor: int = 4
    days: int = 32
    visits_per_day: int = 150
    tickets_per_day: int = 40


@dataclass(frozen=True, slots=True)
class Stairwell:
    building: int
    number: int

    @property
    def id(self) -> str:
        return demo_id("otter", "stairwell", self.building, self.number)

    @property
    def label(self) -> dict[str, str]:
        english = f"Building {self.building}, stairwell {self.number}"
        return label(f"{self.building}号楼{self.number}单元", english)


@dataclass(frozen=True, slots=True)
class Home:
    name: str
    stairwell: Stairwell

    @property
    def id(self) -> str:
        return demo_id("otter", "home", self.name)


@dataclass
class Estate:
    """Places by scale, random numbers by seed, and the tasks that were handled so far."""

    scale: Scale
    seed: int
    handled_tasks: set[str] = field(default_factory=set)

    def random(self, *purpose: object) -> Random:
        """Random numbers for one purpose: what one activity draws changes no other."""
        return Random("|".join(map(str, (self.seed, *purpose))))  # noqa: S311 - demo data

    @cached_property
    def stairwells(self) -> list[Stairwell]:
        buildings = range(1, self.scale.buildings + 1)
        numbers = range(1, self.scale.stairwells + 1)
        return [Stairwell(building, number) for building in buildings for number in numbers]

    @cached_property
    def homes(self) -> list[Home]:
        floors = range(1, self.scale.floors + 1)
        sides = range(1, self.scale.homes_per_floor + 1)
        return [
            Home(f"{stair.building}-{stair.number}-{floor}{side:02}", stair)
            for stair in self.stairwells
            for floor in floors
            for side in sides
        ]

    def place_ops(self) -> Iterator[NewOp]:
        """Areas, homes and checkpoints."""
        for ordinal, (key, zh, en, kind) in enumerate(GROUNDS):
            payload = {"label": label(zh, en), "kind": kind, "ordinal": ordinal}
            yield seed.idempotent_op("area.add", place_id(key), payload)
        yield from self._building_ops()
        random = self.random("vacant")
        for home in self.homes:
            payload = {
                "label": label(home.name, home.name),
                "area_id": home.stairwell.id,
                "occupied": random.random() > VACANT_SHARE,
            }
            yield seed.idempotent_op("unit.add", home.id, payload)
        yield from self._checkpoint_ops()

    def _building_ops(self) -> Iterator[NewOp]:
        for number in range(1, self.scale.buildings + 1):
            named = label(f"{number}号楼", f"Building {number}")
            building = {"label": named, "kind": "building", "ordinal": 100 * number}
            yield seed.idempotent_op("area.add", place_id(f"building-{number}"), building)
        for stair in self.stairwells:
            payload = {
                "label": stair.label,
                "kind": "stairwell",
                "parent_id": place_id(f"building-{stair.building}"),
                "ordinal": 100 * stair.building + stair.number,
            }
            yield seed.idempotent_op("area.add", stair.id, payload)

    def _checkpoint_ops(self) -> Iterator[NewOp]:
        """Routes 1 and 2 go through the stairwells, route 3 over the grounds."""
        for route in ROUTES:
            for number in range(POINTS_PER_ROUTE):
                if route == len(ROUTES):
                    key, zh, en, _ = GROUNDS[number]
                    area, named = place_id(key), label(zh, en)
                else:
                    place = (route - 1) * len(self.stairwells) // 2 + number
                    stair = self.stairwells[place % len(self.stairwells)]
                    top = stair.label
                    area, named = stair.id, label(f"{top['zh']}顶层", f"{top['en']}, top floor")
                payload = {
                    "label": named,
                    "area_id": area,
                    "code": str(1000 * route + number + 1),
                    "route": label(f"{route}号线", f"Route {route}"),
                    "ordinal": number,
                }
                yield seed.idempotent_op("checkpoint.add", checkpoint_id(route, number), payload)


def checkpoint_id(route: int, number: int) -> str:
    return demo_id("otter", "checkpoint", route, number)
