"""The house keeps what it says: commands, layout, pinned vendor files, complete translations."""

import hashlib
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from server.cli import main

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
EXPECTED_TOP_LEVEL = {
    *READMES,
    *("LICENSE", "Makefile", "pyproject.toml", ".gitignore", ".ci", "docs"),
    *("sync", "server", "templates", "static", "tests"),
}
PLACEHOLDERS = re.compile(r"%\((\w+)\)[sd]")


def read_file(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("readme", READMES)
def test_every_make_target_that_is_named_exists(readme):
    targets = set(re.findall(r"(?m)^([a-z][\w ]*):", read_file("Makefile")))
    known = {target for line in targets for target in line.split()}
    named = set(re.findall(r"`?make ([a-z]+)", "\n".join(readme_code(readme))))
    assert named
    assert named <= known


@pytest.mark.parametrize("readme", READMES)
def test_every_command_and_option_that_is_named_exists(readme):
    spoken = readme_commands(readme)
    assert spoken
    for words in spoken:
        command = main
        while words and not words[0].startswith("-") and hasattr(command, "commands"):
            assert words[0] in command.commands, f"lodge {words}"
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def readme_commands(readme):
    """What is said after `lodge`, word by word; what stands in [ ] is an option too."""
    lines = [line.partition("#")[0] for part in readme_code(readme) for line in part.splitlines()]
    said = [line.rpartition("lodge ")[2] for line in lines if re.search(r"(^|/| )lodge ", line)]
    return [line.replace("[", " ").replace("]", " ").split() for line in said]


def readme_code(readme):
    """What stands in code: blocks and `spans`."""
    text = read_file(readme)
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]


@pytest.mark.parametrize("readme", READMES)
def test_every_file_and_folder_that_is_named_exists(readme):
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", read_file(readme))
    named = [part for part in readme_code(readme) if re.fullmatch(r"[a-z]+/(?:[\w./-]+)?", part)]
    places = ("", "static/", "templates/", "tests/")
    for name in [*linked, *named]:
        assert any((ROOT / place / name).exists() for place in places), name


def test_both_readmes_say_the_same():
    one, two = ({word for words in readme_commands(r) for word in words[:2]} for r in READMES)
    assert {word for word in one ^ two if word.isascii()} <= {"Mei"}
    one, two = (re.findall(r"(?m)^#+ |^\| ?`[^`]+`|^```", read_file(r)) for r in READMES)
    assert one == two


def test_the_top_level_holds_what_was_promised_and_nothing_else():
    ignored = [line.strip("/") for line in read_file(".gitignore").splitlines() if line]
    entries = {entry.name for entry in ROOT.iterdir()} - {".git"}
    kept = {name for name in entries if not any(fnmatch(name, each) for each in ignored)}
    assert kept <= EXPECTED_TOP_LEVEL
    assert EXPECTED_TOP_LEVEL - kept <= {"docs"}


def test_vendor_files_are_the_ones_that_were_pinned():
    vendor = ROOT / "static/vendor"
    lines = (vendor / "SHA256SUMS").read_text().split("\n")
    pinned = {name: sha256 for sha256, name in (line.split("  ") for line in lines if line)}
    here = {f.relative_to(vendor).as_posix() for f in vendor.rglob("*") if f.is_file()}
    assert here - {"SHA256SUMS"} == pinned.keys()
    for name, sha256 in pinned.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == sha256, name


def test_vendor_files_come_with_their_licences():
    vendor = ROOT / "static/vendor"
    packages = {f.name.split(".")[0].split("-")[0] for f in vendor.glob("*.js")}
    licences = {f.name.split(".")[0].split("-")[0] for f in vendor.glob("*LICENSE*")}
    assert packages <= licences


def source_messages():
    """Every message that code and templates say, as `make words` gathers them."""
    mappings = tomllib.loads(read_file("pyproject.toml"))["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    for folder in ("server", "templates", "static"):
        found = extract_from_dir(
            str(ROOT / folder),
            methods,
            {},
            strip_comment_tags=True,
            directory_filter=lambda _: True,
        )
        for _, _, message, _, _ in found:
            yield message


def chinese_catalogue():
    with (ROOT / "server/translations/zh/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="zh")


def test_everything_that_is_said_is_said_in_chinese():
    known = chinese_catalogue()
    missing = []
    for message in set(source_messages()):
        entry = known.get(message if isinstance(message, str) else message[0])
        texts = entry.string if entry is not None else ""
        whole = all(texts) if isinstance(texts, tuple | list) else texts
        if entry is None or entry.fuzzy or not whole:
            missing.append(message)
    assert missing == []


def test_translations_keep_the_hooks_that_values_go_into():
    for entry in chinese_catalogue():
        ids = entry.id if isinstance(entry.id, tuple | list) else (entry.id,)
        texts = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        hooks = set().union(*(PLACEHOLDERS.findall(id_) for id_ in ids))
        assert all(set(PLACEHOLDERS.findall(text)) <= hooks for text in texts), entry.id
