"""Typesets a document as PDF by typst. Runs in a process of its own, by `server.bounded`.

A request is JSON: `document` has the texts, `photos` the JPEG files by their hash, as Base64. Texts
are data for the template: none of them is read as markup. The answer is a PDF, or the code of why
there is none.
"""

from __future__ import annotations

import base64
import json
import os
from io import BytesIO
from pathlib import Path

from PIL import Image

MAX_MEMORY = 1536 * 1024 * 1024
MAX_SECONDS = 30.0
TEMPLATE = Path(__file__).with_name("document.typ")
CHINESE_FONTS = (
    *("Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans SC"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Microsoft YaHei", "PingFang SC", "SimSun"),
)
LATIN_FONT = "Libertinus Serif"
"""Is part of typst."""
MAX_TAGGED = 500_000
"""Characters of a document that gets tags for screen readers: in a longer table they would take
most of the file."""
MAX_PHOTO_SIDE = 1000
"""Pixels: more than a printer shows of a third of a page."""
FIRST_EAST_ASIAN = "\u2e80"


def answer(content: bytes) -> bytes:
    """The PDF of a document, or the code of why there is none: `no-font` without a font for its
    Chinese, `failed` for anything else."""
    os.environ["RAYON_NUM_THREADS"] = "1"  # each thread more takes address space, which is limited
    import typst

    request = json.loads(content)
    known = typst.Fonts()
    fonts = [font for font in CHINESE_FONTS if font in known.families()]
    text = json.dumps(request["document"], ensure_ascii=False)
    if not fonts and max(text) >= FIRST_EAST_ASIAN:
        return b"no-font"
    data = {**request["document"], "fonts": [*fonts, LATIN_FONT]}
    photos = {f"{name}.svg": _drawing(jpeg) for name, jpeg in request["photos"].items()}
    files = {"main": TEMPLATE.read_bytes(), "data.json": json.dumps(data).encode(), **photos}
    try:
        return bytes(typst.compile(files, font_paths=known, pdf_tags=len(text) <= MAX_TAGGED))
    except typst.TypstError:
        return b"failed"


def _drawing(photo: str) -> bytes:
    """A JPEG in Base64, made smaller, within a drawing: files by name have to be text."""
    with Image.open(BytesIO(base64.b64decode(photo)), formats=("JPEG",)) as picture:
        picture.thumbnail((MAX_PHOTO_SIDE, MAX_PHOTO_SIDE))
        out, size = BytesIO(), f'width="{picture.width}" height="{picture.height}"'
        picture.save(out, "JPEG", quality=82)
    address = f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><image {size} href="{address}"/></svg>'
    return drawn.encode()
