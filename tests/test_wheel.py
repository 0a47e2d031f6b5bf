"""What is installed from a wheel serves every page; a wheel and an sdist carry all of the data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import venv
import zipfile
from collections import Counter
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from uuid import UUID

import pytest
from werkzeug.exceptions import HTTPException

from server import create_app
from server.desk.lists.pages import LISTS
from server.maintenance import demo
from tests.live_server import free_port
from tests.phone_client import HttpTransport, PhoneClient
from tests.wait_for import wait_for

ROOT = Path(__file__).parent.parent
DATA_FOLDERS = ("templates", "static", "server/translations", "server/migrations", "sync")
NOT_PACKED = ("**/__pycache__/*", "**/.*", "**/*.md")
PAGES_PER_ROUTE = 2
"""How many addresses of one route are asked for: a ticket's page is the same for each ticket."""

PHONE_OPS = (
    ("guard", "visit.arrive", {"visitor": "Mr Wang", "purpose": "family"}),
    ("guard", "lost.open", {"item": "Organiser", "contact": "1203"}),
    ("guard", "find.record", {"what": "A key", "place": "office"}),
    (
        "service_desk",
        "ticket.open",
        {"channel": "phone", "matter": "report", "contact": "1203", "details": "A lamp is dark"},
    ),
)
"""What a phone records, so that these pages have something to show."""

UNLINKED = {
    *("arrears.show", "cases.show", "sync_api.photo", "inspections.show", "patrol.open_label"),
    *("quarantine.show", "records.photo", "resident.show", "teams.show"),
    *("training_sessions.show", "resident.scan", "personal_data.correct"),
    "documents.day_print",  # shown where no PDF can be made
    *(
        f"documents.{name}_{how}"
        for name in ("arrears", "case", "inspection", "training")
        for how in ("print", "pdf")
    ),
}
"""Routes that no page of the demo estate links to: a wrong id gives 404, or a page for any id."""

BLANKS = {"id": str(UUID(int=1)), "sha256": "0" * 64, "code": "none"}
BLANKS |= {"number": "none", "slip": "none", "view": "none", "type": "visit", "day": "none"}
DEVICE_ROUTES = {"sync_api.photo"}
"""Routes that only a phone may ask."""

INCOMPLETE_WITHOUT_QUERY = {"/desk/packs/file": 422}
"""What a page answers when its address alone does not say what is wanted."""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist, as `pip wheel .` and `python -m build` make them."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def installed_lodge(
    distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The `lodge` command of a new environment that has the wheel and sees our libraries."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    site = sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
    # a .pth inside the added folder is not read, so the checkout stays out of sight
    Path(site, "libraries.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(distributions[0])]
    subprocess.run(install, check=True, env=clean_environment(), cwd=folder)
    return folder / "bin/lodge"


def clean_environment() -> dict[str, str]:
    """The environment without what would lead to the checkout or to another database."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith("LODGE_")
    }


def run_lodge(lodge: Path, folder: Path, *words: str) -> str:
    """Run a command of the installed lodge, with its data in `folder`; returns what it printed."""
    done = subprocess.run(
        [lodge, *words], cwd=folder, env=clean_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Visitor:
    """A browser's view of a server: cookies, links, statuses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar()), urllib.request.ProxyHandler({})
        )
        self.opener.addheaders = [("Accept", "text/html,*/*"), ("Origin", url)]

    def fetch(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """The status and the text of a page; a form is posted."""
        data = urlencode(form).encode() if form else None
        try:
            with self.opener.open(urljoin(self.url, path), data, timeout=60) as response:
                return response.status, response.read().decode("utf-8", "replace")
        except HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")

    def links(self, path: str, text: str) -> set[str]:
        """Every address of this server that a page names."""
        named = re.findall(r"""(?:href|src|hx-get)="([^"#]+)""", text)
        absolute = {urljoin(self.url + path, name.replace("&amp;", "&")) for name in named}
        return {
            address.removeprefix(self.url)
            for address in absolute
            if address.startswith(f"{self.url}/")
        }


@pytest.fixture(scope="module")
def visitor(installed_lodge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A manager signed in at the demo estate that the installed `lodge demo` serves."""
    folder, port = tmp_path_factory.mktemp("run"), free_port()
    run_lodge(installed_lodge, folder, "init", "--demo")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [installed_lodge, "demo", "--port", str(port)],
            cwd=folder,
            env=clean_environment(),
            stdout=log,
            stderr=log,
        )
    visitor = Visitor(f"http://127.0.0.1:{port}")
    try:
        wait_for(lambda: visitor.fetch("/healthz")[0] == 200, timeout=120)
        status, _ = visitor.fetch("/sign-in", {"username": "mei", "password": demo.PASSWORD})
        assert status == 200
        record_with_phone(visitor.url, installed_lodge, folder)
        yield visitor
    finally:
        process.terminate()
        process.wait(30)


def record_with_phone(url: str, lodge: Path, folder: Path) -> None:
    """Enrol a phone with the installed command and let it send `PHONE_OPS`."""
    code = run_lodge(lodge, folder, "enrol").split()[-1]
    phone = PhoneClient(HttpTransport(url, timeout=60)).enrol(code)
    people = {"guard": "chu", "service_desk": "qin"}
    for role, kind, payload in PHONE_OPS:
        verdict = phone.send_op(kind, None, payload, by=demo.demo_id("squirrel", people[role]))
        assert verdict["status"] == "applied"


def test_installed_lodge_serves_every_page(visitor, tmp_path):
    routes = create_app({"DATA_DIR": str(tmp_path)}).url_map.bind("127.0.0.1")
    get_rules = [rule for rule in routes.map.iter_rules() if "GET" in rule.methods]
    waiting = sorted(rule.rule for rule in get_rules if not rule.arguments)
    # late in the evening the demo plans no patrol for what is left of the day
    waiting.insert(0, "/desk/patrol/?when_since=tomorrow")
    seen: Counter[str] = Counter()
    faults, known = {}, set(waiting)
    while waiting:
        path = waiting.pop(0)
        endpoint = endpoint_of(routes, urlsplit(path).path)
        if endpoint is None or seen[endpoint] >= PAGES_PER_ROUTE:
            continue
        status, text = visitor.fetch(path)
        seen[endpoint] += 1
        if status not in (200, 204, INCOMPLETE_WITHOUT_QUERY.get(path)):
            faults[path] = status
        new = visitor.links(path, text) - known
        known |= new
        waiting += sorted(new)
    assert faults == {}
    saved_views = {f"{endpoint}_view" for _, endpoint in LISTS.values()}  # the demo saves none
    unlinked = UNLINKED | saved_views
    assert {rule.endpoint for rule in get_rules} - seen.keys() == unlinked
    for endpoint in unlinked - DEVICE_ROUTES:
        assert visitor.fetch(routes.build(endpoint, BLANKS))[0] in (200, 404), endpoint


def endpoint_of(routes, path: str) -> str | None:
    """The endpoint that answers GET for a path, or None."""
    try:
        return routes.match(path, "GET")[0]
    except HTTPException:
        return None


def test_installed_lodge_serves_every_file_that_a_phone_keeps(visitor):
    _, worker = visitor.fetch("/sw.js")
    base = re.search(r'"(/field/build/\w+/)sw\.js"', worker)[1]
    _, shell = visitor.fetch(f"{base}shell.js")
    addresses = set(re.findall(r'"(/[^"]*)"', shell))
    assert len(addresses) > 30
    assert {address: visitor.fetch(address)[0] for address in addresses} == dict.fromkeys(
        addresses, 200
    )


def test_installed_lodge_speaks_chinese(visitor):
    request = urllib.request.Request(f"{visitor.url}/sign-in", headers={"Accept-Language": "zh"})
    with urllib.request.urlopen(request, timeout=60) as response:
        assert "登录" in response.read().decode()


@pytest.mark.asvs("15.2.3")
def test_wheel_carries_every_data_file(distributions):
    with zipfile.ZipFile(distributions[0]) as wheel:
        packed = set(wheel.namelist())
    expected = {
        name if name.startswith(("server/", "sync/")) else f"server/{name}" for name in data_files()
    }
    assert expected - packed == set()
    assert "server/translations/zh/LC_MESSAGES/messages.mo" in packed
    top_level = {name.split("/")[0] for name in packed if ".dist-info/" not in name}
    assert top_level == {"server", "sync"}


def test_sdist_carries_what_a_wheel_is_built_from(distributions):
    with tarfile.open(distributions[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    wanted = {"pyproject.toml", "hatch_build.py", "README.md", "LICENSE", *data_files()}
    assert wanted - names == set()


def data_files() -> set[str]:
    """Paths, from the root, of every data file of the checkout that the application reads."""
    files = {file for name in DATA_FOLDERS for file in (ROOT / name).rglob("*") if file.is_file()}
    return {
        file.relative_to(ROOT).as_posix()
        for file in files
        if not any(file.match(pattern) for pattern in NOT_PACKED) and file.suffix != ".mo"
    }
