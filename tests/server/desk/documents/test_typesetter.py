"""What typesets documents, without the process around it."""

from __future__ import annotations

import json

import pytest

from server.desk.documents import typesetter


def request_for(title: str) -> bytes:
    words = {"page_words": "{n}/{total}", "no_picture": "", "language": "zh"}
    lists = {"facts": [], "sections": [], "signatures": [], "pictures": []}
    texts = {"title": title, "subtitle": "", "footer": "", "is_landscape": False}
    return json.dumps({"document": {**words, **lists, **texts}, "photos": {}}).encode()


def test_chinese_needs_a_chinese_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")
    assert typesetter.answer(request_for("月度公示")).startswith(b"%PDF")
    monkeypatch.setattr(typesetter, "CHINESE_FONTS", ())  # as on a server that has none
    assert typesetter.answer(request_for("月度公示")) == b"no-font"
    assert typesetter.answer(request_for("Disclosure")).startswith(b"%PDF")
