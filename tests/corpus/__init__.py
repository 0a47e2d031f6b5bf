"""What phones of released versions sent, word for word: one file a version, kept for ever.

A file is lines of JSON. `{"scenario": …}` begins one, on a server with the cast of the tests;
then come `{"desk": [op …]}`, what was done at the desk, and `{"push": …, "told": […]}`, a push as
it went over the wire, with the status of each answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
RECORDINGS = sorted(FOLDER.glob("*.jsonl"))

Step = dict[str, Any]


def scenarios(recording: Path) -> Iterator[tuple[str, list[Step]]]:
    """Each with its steps, in the order in which they happened."""
    name, steps = "", []
    for line in recording.read_text("utf-8").splitlines():
        step = json.loads(line)
        if "scenario" in step:
            if name:
                yield name, steps
            name, steps = step["scenario"], []
        else:
            steps.append(step)
    yield name, steps


def pushed_ops(recording: Path) -> Iterator[dict[str, Any]]:
    """Every op of a recording."""
    for _, steps in scenarios(recording):
        for step in steps:
            yield from step.get("push", {}).get("ops", ())
