"""Short names of browsers and phones, from what they say about themselves."""

from __future__ import annotations

import re

BROWSERS = (
    ("Edge", r"Edg(?:A|iOS|e)?/"),
    ("WeChat", r"MicroMessenger/"),
    ("QQ", r"MQQBrowser/|QQBrowser/"),
    ("UC", r"UCBrowser/"),
    ("Huawei Browser", r"HuaweiBrowser/"),
    ("MIUI Browser", r"MiuiBrowser/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Safari/"),
)
"""In the order in which they are looked for: most name Chrome or Safari as well."""

SYSTEMS = (
    ("HarmonyOS", r"HarmonyOS|OpenHarmony"),
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)
ANDROID_MODEL = re.compile(r"Android [\d.]+; ([^;()]{2,40}?)(?: Build/[^;)]*)?(?:[;)])")
NO_MODEL = ("k", "mobile", "tablet", "wv", "u", "linux")
"""What stands in the place of a model where a browser does not tell it."""


def browser_name(user_agent: str) -> str:
    """Browser and system, as "Chrome, Windows"; empty if neither is known."""
    names = (_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent))
    return ", ".join(name for name in names if name)


def phone_model(user_agent: str) -> str:
    """The model of a phone, else its system, as "Redmi Note 8" or "Android"; empty if unknown."""
    found = ANDROID_MODEL.search(user_agent)
    model = found[1].strip() if found else ""
    is_model = model and model.lower() not in NO_MODEL and not re.fullmatch(r"\w\w-\w\w", model)
    return model if is_model else _first(SYSTEMS, user_agent)


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in patterns if re.search(pattern, text)), "")
