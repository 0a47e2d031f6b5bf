"""Files that the desk gives out: named by the server, never shown in the browser."""

import re

import pytest

from tests.seed_data import EVE
from tests.server.desk.estate_activity import LOST

NAMED = re.compile(r'attachment; filename="[A-Za-z0-9._-]+"')
ODD = '名"\r\nSet-Cookie: x=1'


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.mark.asvs("5.4.1", "5.4.2", "3.2.1")
def test_a_download_has_a_name_that_the_server_gave_it(estate, signed_in):
    eve = signed_in(EVE)
    files = {
        "/desk/arrears/template": None,
        f"/desk/lost/{LOST}/pack.zip": None,
        "/desk/packs/file": {"name": "小区_1", "version": "1.0", "licence": ODD},
    }
    seen = []
    for address, query in files.items():
        answer = eve.get(address, query_string=query)
        if answer.status_code == 200:
            assert NAMED.fullmatch(answer.headers["Content-Disposition"]), address
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            seen.append(address)
    assert seen == list(files)
    assert (
        eve.get("/desk/packs/file", query_string={"name": ODD, "version": "1"}).status_code != 200
    )
