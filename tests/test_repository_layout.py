"""The repository as a whole: documents name what exists, layout, vendor files, translations."""

import hashlib
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords
from babel.messages.pofile import read_po

from server.cli import main

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
TRANSLATED = [
    READMES,
    ("docs/install.md", "docs/install.zh-CN.md"),
    ("docs/operate.md", "docs/operate.zh-CN.md"),
]
"""Documents in both languages: the same sections, commands and tables."""

DOCUMENTS = sorted(
    file.relative_to(ROOT).as_posix() for file in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
)
MANUALS = [
    *(name for pair in TRANSLATED for name in pair),
    *("CONTRIBUTING.md", "docs/security/README.md"),
]
"""Documents that name commands."""

MAX_README_LINES, MAX_PICTURE_BYTES = 80, 150_000
EXPECTED_TOP_LEVEL = {
    *READMES,
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md", "docs"),
    *("Makefile", "hatch_build.py", "pyproject.toml", ".ci", ".github"),
    *("requirements.lock", "requirements-test.lock"),
    *(".editorconfig", ".gitignore", ".pre-commit-config.yaml"),
    *("sync", "server", "templates", "static", "tests"),
}
PLACEHOLDERS = re.compile(r"%\((\w+)\)[sd]")


def read_file(name):
    return (ROOT / name).read_text(encoding="utf-8")


def code_parts(document):
    """What a document shows as code: blocks of shell commands and `spans`."""
    text = read_file(document)
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]


def lodge_commands(document):
    """The words after each `lodge` in code; an option in [ ] counts like any other."""
    lines = [line.partition("#")[0] for part in code_parts(document) for line in part.splitlines()]
    calls = [line.rpartition("lodge ")[2] for line in lines if re.search(r"(^|/| )lodge ", line)]
    return [call.replace("[", " ").replace("]", " ").split() for call in calls]


@pytest.mark.parametrize("document", MANUALS)
def test_every_make_target_in_a_document_exists(document):
    targets = set(re.findall(r"(?m)^([a-z][\w ]*):", read_file("Makefile")))
    known = {target for line in targets for target in line.split()}
    assert set(re.findall(r"`?\bmake ([a-z]+)", "\n".join(code_parts(document)))) <= known


@pytest.mark.parametrize("document", MANUALS)
def test_every_command_and_option_in_a_document_exists(document):
    for words in lodge_commands(document):
        command = main
        while words and not words[0].startswith("-") and hasattr(command, "commands"):
            assert words[0] in command.commands, f"lodge {words}"
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_the_manual_names_every_command():
    named = {words[0] for words in lodge_commands("docs/operate.md") if words}
    assert set(main.commands) <= named | {"restore"}  # `backup FILE`, `restore FILE`


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_in_a_document_leads_somewhere(document):
    text, folder = read_file(document), (ROOT / document).parent
    links = re.findall(r"\]\((?!https?:)([^)]+)\)|<img src=\"([^\"]+)\"", text)
    for link in (one or other for one, other in links):
        name, _, anchor = link.partition("#")
        target = folder / name if name else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


def anchors(text):
    """The anchors of a document: its headings as forges derive them, and explicit ids."""
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r"<a id=\"([^\"]+)\"", text))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_a_document_exists(document):
    """Paths that begin with one of our folders; `server/…` with a placeholder is none."""
    top = r"(?:docs|server|static|sync|templates|tests)"
    for name in code_parts(document):
        if re.fullmatch(rf"{top}/[\w./-]*", name):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize(("english", "chinese"), TRANSLATED)
def test_both_languages_have_the_same_sections_and_commands(english, chinese):
    commands = [
        {word for words in lodge_commands(name) for word in words[:2]}
        for name in (english, chinese)
    ]
    assert {word for word in commands[0] ^ commands[1] if word.isascii()} <= {"Mei"}
    structures = [
        re.findall(r"(?m)^#+ |^\| ?`[^`]+`|^```\w*|^- |^\d\. |^\| ", read_file(name))
        for name in (english, chinese)
    ]
    assert structures[0] == structures[1]


@pytest.mark.parametrize("readme", READMES)
def test_readmes_are_short_and_their_pictures_small(readme):
    text = read_file(readme)
    assert len(text.splitlines()) <= MAX_README_LINES
    pictures = re.findall(r"<img src=\"([^\"]+)\"", text)
    assert len(pictures) == 2
    assert all((ROOT / name).stat().st_size <= MAX_PICTURE_BYTES for name in pictures)


def test_the_top_level_contains_nothing_unexpected():
    ignored = [line.strip("/") for line in read_file(".gitignore").splitlines() if line]
    entries = {entry.name for entry in ROOT.iterdir()} - {".git"}
    kept = {name for name in entries if not any(fnmatch(name, each) for each in ignored)}
    assert kept == EXPECTED_TOP_LEVEL


def test_vendor_files_match_their_checksums():
    vendor = ROOT / "static/vendor"
    lines = (vendor / "SHA256SUMS").read_text().split("\n")
    pinned = {name: sha256 for sha256, name in (line.split("  ") for line in lines if line)}
    here = {f.relative_to(vendor).as_posix() for f in vendor.rglob("*") if f.is_file()}
    assert here - {"SHA256SUMS"} == pinned.keys()
    for name, sha256 in pinned.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == sha256, name


def test_vendor_files_have_their_licences():
    vendor = ROOT / "static/vendor"
    packages = {f.name.split(".")[0].split("-")[0] for f in vendor.glob("*.js")}
    licences = {f.name.split(".")[0].split("-")[0] for f in vendor.glob("*LICENSE*")}
    assert packages <= licences


def source_messages():
    """Every message of code and templates with its context, extracted as `make words` does."""
    mappings = tomllib.loads(read_file("pyproject.toml"))["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    extract = next(line for line in read_file("Makefile").splitlines() if "pybabel" in line)
    keywords = {**DEFAULT_KEYWORDS, **parse_keywords(re.findall(r"-k (\S+)", extract))}
    for folder in extract.partition(".pot ")[2].split():
        found = extract_from_dir(
            str(ROOT / folder), methods, {}, keywords=keywords, directory_filter=lambda _: True
        )
        for _, _, message, _, context in found:
            yield message if isinstance(message, str) else message[0], context


def chinese_catalogue():
    with (ROOT / "server/translations/zh/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="zh")


def texts_of(entry):
    """The translations of a message: one, or one for each plural form."""
    return list(entry.string) if isinstance(entry.string, tuple | list) else [entry.string]


def test_every_message_has_a_chinese_translation():
    catalogue = chinese_catalogue()
    missing = []
    for message, context in set(source_messages()):
        entry = catalogue.get(message, context)
        if entry is None or entry.fuzzy or not all(texts_of(entry)):
            missing.append((message, context))
    assert missing == []


def test_translations_use_the_placeholders_of_their_message():
    for entry in chinese_catalogue():
        ids = entry.id if isinstance(entry.id, tuple | list) else (entry.id,)
        known = set().union(*(PLACEHOLDERS.findall(id_) for id_ in ids))
        assert all(set(PLACEHOLDERS.findall(text)) <= known for text in texts_of(entry)), entry.id
