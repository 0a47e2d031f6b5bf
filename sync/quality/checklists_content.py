"""The seeded checklists, in our own words, after the clauses of the rulebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from sync.protocol.op import UUID_NAMESPACE


def checklist_id(site_id: str, code: str) -> str:
    """The id of a seeded checklist, so that a site has each only once."""
    return str(uuid5(UUID(UUID_NAMESPACE), f"{site_id}|template|{code}"))


def criterion_id(template: str, label: Mapping[str, str]) -> str:
    """The id of an added criterion. The same words give the same id."""
    return str(uuid5(UUID(template), "|".join(label.values())))


def criterion(id_: str, clause: str, picture: str, names: str, texts: str = "") -> dict[str, Any]:
    """One criterion. `names` and `texts` are "Chinese / English"."""
    return {
        "id": id_,
        "label": _bilingual(names),
        "text": _bilingual(texts) if texts else None,
        "weight": 1,
        "critical": False,
        "clause": clause,
        "picture": picture,
    }


def _bilingual(text: str) -> dict[str, str]:
    zh, en = text.split(" / ")
    return {"zh": zh, "en": en}


def checklist(
    code: str, clause: str, names: str, items: tuple[dict[str, Any], ...], **kwargs: Any
) -> dict[str, Any]:
    """I12: one checklist, as the payload of `template.add`."""
    return {
        "code": code,
        "clause": clause,
        "label": _bilingual(names),
        "about": "person" if "area_kinds" not in kwargs else "area",
        "items": list(items),
        **kwargs,
    }


STAIRWELL_CRITERIA = (
    criterion(
        "corners",
        "C9",
        "broom",
        "墙角死角 / Corners",
        "角落干净,没有积灰 / No dirt left in corners",
    ),
    criterion(
        "piled",
        "C9",
        "box",
        "堆放杂物 / Things left about",
        "没有堆放东西 / Nothing is stored there",
    ),
    criterion(
        "posted",
        "C9",
        "note",
        "张贴涂画 / Bills, scribbles",
        "墙面门面干净 / Walls and doors are clean",
    ),
    criterion(
        "cobwebs",
        "C9",
        "spray",
        "蛛网浮尘 / Cobwebs and dust",
        "没有蛛网和浮灰 / No cobwebs, no dust",
    ),
)

OUTDOOR_CRITERIA = (
    criterion("litter", "C4", "bin", "地面杂物 / Litter", "地上没有垃圾杂物 / Nothing lies about"),
    criterion(
        "corners", "C4", "broom", "死角 / Neglected corners", "边角也扫到了 / Corners are swept too"
    ),
)

OFFICE_CRITERIA = (
    criterion("stairs", "C13", "walk", "楼梯 / Stairs", "台阶干净 / The steps are clean"),
    criterion(
        "handrails", "C13", "drop", "扶手 / Handrails", "摸上去没有灰 / No dust when touched"
    ),
    criterion("ashtrays", "C13", "bin", "烟灰缸 / Ashtrays", "已倒空擦净 / Emptied and wiped"),
    criterion(
        "washrooms", "C13", "door", "卫生间 / Washrooms", "地面便器洁净,没有异味 / Clean, no smell"
    ),
    criterion("basins", "C13", "drop", "洗手台 / Basins", "台面无水渍 / No water stains"),
)

DRESS_CRITERIA = (
    criterion("uniform", "D1", "me", "工作服 / Uniform", "穿工作服,整洁 / Worn, and neat"),
)

MANNERS_CRITERIA = (
    criterion(
        "dust", "D2", "broom", "不扬尘 / Raises no dust", "轻扫,不起灰 / Sweeps low and slow"
    ),
    criterion(
        "way", "D3", "walk", "让行人 / Gives way", "有人经过先停手让路 / Stops and lets people pass"
    ),
)

GUARD_CRITERIA = (
    criterion("face", "B1", "me", "面容 / Face", "洁净,神情自然 / Clean, at ease"),
    criterion("standing", "B1", "me", "站姿 / Standing", "站直站稳 / Upright and steady"),
    criterion("sitting", "B1", "me", "坐姿 / Sitting", "坐正不歪靠 / Straight, not slumped"),
    criterion(
        "gestures", "B1", "visitor", "手势敬礼 / Gestures, salute", "到位、利落 / Clear and exact"
    ),
    criterion(
        "discipline", "B4", "task", "自律 / Self-discipline", "没人看也照做 / Does it unwatched too"
    ),
    criterion(
        "standard", "B4", "task", "规范 / To the standard", "按规定动作做 / Follows the procedure"
    ),
    criterion(
        "alertness", "B4", "warning", "警觉 / Alertness", "有异常马上发现 / Notices what is odd"
    ),
    criterion("courtesy", "B4", "visitor", "礼貌 / Courtesy", "待人客气 / Polite to everybody"),
)

FLAG_CRITERIA = (
    criterion("orderly", "B2", "task", "整齐 / Orderly", "队列、步子一致 / In line and in step"),
    criterion(
        "standard",
        "B2",
        "task",
        "标准 / To the standard",
        "动作和次序不差 / Moves and order are right",
    ),
    criterion(
        "solemn", "B2", "task", "庄严 / Solemn", "全程肃立不说话 / Still and silent throughout"
    ),
)

RECEPTION_CRITERIA = (
    criterion("welcome", "A2", "visitor", "来时问候 / Greets on arrival"),
    criterion("answer", "A2", "question", "问了就答 / Answers what is asked"),
    criterion("farewell", "A2", "leave", "走时送别 / Says goodbye"),
    criterion("eyes", "A4", "me", "看着对方 / Eyes", "目光友善 / A friendly look"),
    criterion(
        "mouth",
        "A4",
        "report",
        "说话 / Mouth",
        "讲普通话,看人说话 / Mandarin, fitted to the person",
    ),
    criterion("mind", "A4", "me", "神情 / Mind", "有回应,大方得体 / Responsive and poised"),
    criterion("greet", "B3", "visitor", "问好 / Greeting", "主动开口 / Speaks first"),
    criterion("seat", "B3", "home", "请坐 / Seat", "要等就请坐 / Offers a seat for a wait"),
    criterion("soothe", "B3", "report", "安抚 / Calming", "着急的先安抚 / Calms whoever is upset"),
)

FIRST_CONTACT_CRITERIA = (
    criterion(
        "own",
        "F8",
        "tick",
        "能办就办 / Does what it can",
        "当场办好给答复 / At once, with an answer",
    ),
    criterion(
        "pass",
        "F9-F11",
        "walk",
        "转到人 / Hands it on",
        "交到人、代收、上报都跟进 / And follows up",
    ),
    criterion(
        "details", "F12", "note", "记准记全 / Writes it down", "联系方式和事情 / Contact and matter"
    ),
    criterion(
        "things", "F13", "box", "看清物件 / Looks at things", "看过并登记 / Examined and registered"
    ),
    criterion(
        "enquiry", "F14", "question", "再问再答 / Answers again", "耐心说准 / Patient and exact"
    ),
    criterion(
        "civil",
        "F15",
        "visitor",
        "热情文明 / Warm and civil",
        "接待热心,说话文明 / Keen, civil words",
    ),
)

CHECKLISTS = (
    checklist(
        "IT-01", "C9", "楼道 / Stairwell", STAIRWELL_CRITERIA, area_kinds=["stairwell", "floor"]
    ),
    checklist("IT-02", "C4", "室外 / Outdoors", OUTDOOR_CRITERIA, area_kinds=["outdoor", "gate"]),
    checklist("IT-03", "C13", "办公楼 / Office building", OFFICE_CRITERIA, area_kinds=["office"]),
    checklist("IT-04", "C11", "雨雪天 / Rain and snow", (), area_kinds=["office", "stairwell"]),
    checklist("IT-05", "D1", "着装 / Dress", DRESS_CRITERIA),
    checklist(
        *("IT-06", "D2, D3", "保洁礼仪 / Manners while cleaning", MANNERS_CRITERIA),
        roles=["cleaner", "contractor_worker"],
    ),
    checklist("IT-07", "B1, B4", "协管仪态 / Bearing of guards", GUARD_CRITERIA, roles=["guard"]),
    checklist("IT-08", "B2", "升旗 / Flag-raising", FLAG_CRITERIA, area_kinds=["gate", "outdoor"]),
    checklist(
        *("IT-09", "A2, A4, B3", "接待 / Reception", RECEPTION_CRITERIA),
        roles=["guard", "service_desk"],
    ),
    checklist("IT-10", "F8-F15", "首问抽查 / First contact", FIRST_CONTACT_CRITERIA),
)
