"""The subset of Jinja that phone templates may use. The rest is a BuildError with file and line."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from jinja2 import nodes

from sync.protocol.roles import ROLE_CONSTANTS

REQUIRED: Final = object()

Parameters = tuple[tuple[str, object], ...]

FILTERS: Final[dict[str, Parameters]] = {
    "escape": (),
    "string": (),
    "default": (("default_value", ""), ("boolean", False)),
    "length": (),
    "upper": (),
    "lower": (),
    "trim": (),
    "join": (("d", ""), ("attribute", None)),
    "first": (),
    "last": (),
    "int": (("default", 0),),
    "abs": (),
    "replace": (("old", REQUIRED), ("new", REQUIRED)),
    "truncate": (("length", 255), ("killwords", False), ("end", "..."), ("leeway", 5)),
    "sort": (("reverse", False), ("case_sensitive", False), ("attribute", None)),
    "min": (("case_sensitive", False), ("attribute", None)),
    "max": (("case_sensitive", False), ("attribute", None)),
    "groupby": (("attribute", REQUIRED), ("default", None), ("case_sensitive", False)),
    "unique": (("case_sensitive", False), ("attribute", None)),
    "sum": (("attribute", None),),
    "list": (),
    "reverse": (),
    "batch": (("linecount", REQUIRED), ("fill_with", None)),
    "items": (),
    "urlencode": (),
    "tojson": (),
    "say": (),
    "by_label": (("field", "label"),),
    "clock": (),
    "day": (),
    "ago": (("now", REQUIRED),),
    "late": (("now", REQUIRED),),
    "mask": (),
    "spaced": (),
    "plus_hours": (("hours", REQUIRED),),
    "money": (),
    "code_key": (),
    "phone_number": (),
    "kind_label": (),
    "refusal_label": (),
    "doubtful_number": (),
    "names_same_home": (("other", REQUIRED),),
    "shares_words": (("other", REQUIRED),),
    "state_label": (("type", REQUIRED),),
    "value_label": (("type", REQUIRED), ("field", REQUIRED)),
}
SEQUENCE_FILTERS: Final = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})
APP_FILTERS: Final = frozenset(
    {"say", "by_label", "clock", "day", "ago", "late", "mask", "spaced", "plus_hours", "money"}
    | {"code_key", "phone_number", "kind_label", "refusal_label", "state_label", "value_label"}
    | {"doubtful_number", "names_same_home", "shares_words"}
)
ALIASES: Final = {"e": "escape", "d": "default", "count": "length"}

# In Jinja these return a generator: always true, no length, empty when read again. A JavaScript
# array is none of that, so their result is allowed only where both behave the same.
GENERATORS: Final = SEQUENCE_FILTERS | {"unique", "reverse", "batch", "items"}
GENERATOR_CONSUMERS: Final = SEQUENCE_FILTERS | {
    *("list", "join", "first", "sort", "groupby", "sum", "min", "max"),
    *("unique", "batch", "reverse", "by_label"),
}

TESTS: Final[dict[str, tuple[str, int]]] = {
    **{name: (name, 0) for name in ("defined", "undefined", "none", "string", "number", "boolean")},
    **{name: (name, 0) for name in ("odd", "even", "mapping", "true", "false")},
    "divisibleby": ("divisibleby", 1),
    "in": ("in", 1),
    **dict.fromkeys(("eq", "==", "equalto"), ("eq", 1)),
    **dict.fromkeys(("ne", "!="), ("ne", 1)),
    **dict.fromkeys(("lt", "<"), ("lt", 1)),
    **dict.fromkeys(("le", "<="), ("le", 1)),
    **dict.fromkeys(("gt", ">"), ("gt", 1)),
    **dict.fromkeys(("ge", ">="), ("ge", 1)),
}

METHODS: Final[dict[str, tuple[int, int]]] = {
    "items": (0, 0),
    "keys": (0, 0),
    "values": (0, 0),
    "get": (1, 2),
    "startswith": (1, 1),
    "endswith": (1, 1),
    "split": (1, 1),
}
DICT_ATTRIBUTES: Final = frozenset(name for name in dir(dict) if not name.startswith("_"))

GETTEXT: Final = {"_": 1, "gettext": 1, "ngettext": 2, "pgettext": 2, "npgettext": 3}
"""Translation functions, with how many of their first arguments have to be constant texts."""
GETTEXT_WITH_CONTEXT: Final = frozenset({"pgettext", "npgettext"})
CONTEXT_SEPARATOR: Final = "\x04"
"""Between context and message in the key of a message, as in gettext's .mo files."""
GLOBALS: Final = frozenset({*GETTEXT, "asset", "range", "dict"})
CONSTANTS: Final = ROLE_CONSTANTS
"""Names that stand for the same list in every template; the list is compiled in."""
UNAVAILABLE_NAMES: Final = frozenset(
    {"namespace", "cycler", "joiner", "lipsum", "self", "varargs", "kwargs"}
    | {"request", "session", "g", "config", "url_for", "get_flashed_messages"}
)
LOOP_ATTRIBUTES: Final = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length"}
    | {"previtem", "nextitem"}
)

_PLACEHOLDER = re.compile(r"%\([A-Za-z_]\w*\)s|%%")


class BuildError(Exception):
    """A template is outside the subset. The text gives file, line and what is wrong."""

    def __init__(self, file: str, line: int, text: str) -> None:
        super().__init__(f"{file}:{line}: {text}")


def raise_build_error(file: str, node: nodes.Node, text: str) -> NoReturn:
    """Raise a BuildError for the line of a node."""
    lines = (part.lineno for part in (node, *node.find_all(nodes.Node)))
    raise BuildError(file, next(filter(None, lines), 1), text)


def only_plain_placeholders(message: str) -> bool:
    """Whether a message has no placeholders but `%(name)s` and `%%`: those the runtime fills."""
    return "%" not in _PLACEHOLDER.sub("", message)


def message_key(message: str, context: str | None) -> str:
    """Key of a message in the phone's catalogue: `message`, or `context\\x04message`."""
    return message if context is None else f"{context}{CONTEXT_SEPARATOR}{message}"


def js(value: Any) -> str:
    """A constant as JavaScript, safe inside a script element and for old parsers."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("</", "<\\/").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
