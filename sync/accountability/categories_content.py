"""The seeded categories, in our own words, after the clauses of the rulebook.

A category is in use only once somebody at the site has published it, and it applies to a person
only once they have read it.
"""

from __future__ import annotations

from typing import Any


def category(
    code: str, clause: str, names: str, texts: str, *subs: str, with_amount: bool = False
) -> dict[str, Any]:
    """A1: one category, as the payload of `category.add`. Texts are "Chinese / English"."""
    return {
        "code": code,
        "clause": clause,
        "label": _bilingual(names),
        "text": _bilingual(texts),
        "subs": [{"code": sub[:2], "label": _bilingual(sub[3:])} for sub in subs],
        "with_amount": with_amount,
    }


def _bilingual(text: str) -> dict[str, str]:
    zh, en = text.split(" / ")
    return {"zh": zh, "en": en}


CATEGORIES = (
    category(
        "AC-1",
        "G3",
        "该做的没做到 / Work left undone",
        "分内的活，或临时交下来的活，到点没做完，又说不出原因。"
        " / Work of the own post, or work given for the day, that was not done in its time, "
        "without a reason.",
        "1a 本职工作 / work of the own post",
        "1b 临时交办 / work given ad hoc",
    ),
    category(
        "AC-2",
        "G4",
        "不上心 / Not minding the job",
        "没来上班也没说一声；看见了不管；出了大事瞒着，或者没照实说。"
        " / Staying away without a word; looking away; keeping quiet about something serious, "
        "or not telling it as it was.",
        "2a 无故缺勤 / absent without a word",
        "2b 疏忽 / negligence",
        "2c 瞒报或虚报 / concealed or misreported",
    ),
    category(
        "AC-3",
        "G5",
        "坏了规矩、占便宜 / Breaking the rules, private gain",
        "不按作业规定做，或者借着岗位给自己捞好处。"
        " / Working against the rules of the trade, or using the post for the own advantage.",
    ),
    category(
        "AC-4",
        "G6",
        "伤了公司名声 / Harm to the company's name",
        "上班时、和客户打交道时，言行让公司失了信誉。"
        " / Conduct at work or towards customers that costs the company its good name.",
    ),
    category(
        "AC-5",
        "G7",
        "带班没带好 / Poor guidance of others",
        "手下的人没教、没查、没帮，活干慢了，服务差了。管人的也一样要答复。"
        " / People were not taught, looked after or helped, so that work was slow or service "
        "poor. Whoever leads answers as well.",
    ),
    category(
        "AC-6",
        "G8",
        "造成大的损失 / A heavy loss",
        "因为做错了事或者没做该做的事，丢了钱、坏了东西。写清楚多少钱。"
        " / Money or things were lost through what was done or left undone. The amount is "
        "written down.",
        with_amount=True,
    ),
    category(
        "AC-X",
        "G9",
        "其他 / Anything else",
        "上面没写到的。要用到它，先在本项目加一条、写明白、公布出来。"
        " / What is not named above. Before it is used, the site adds a category of its own, "
        "in plain words, and publishes it.",
    ),
)
