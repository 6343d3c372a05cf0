"""The documented examples, word for word: `fixtures/` holds them as they stand in the vendor's document."""

import json
import re
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"
AND_MORE = re.compile(r",\s*\[\.\.\.\]")


def text(name):
    """As documented; `[...]`, which stands for "and more of them" there, left out."""
    return AND_MORE.sub("", (FIXTURES / f"{name}.txt").read_text())


def example(name):
    """What it says; of a key that stands twice, the last."""
    return json.loads(text(name))
