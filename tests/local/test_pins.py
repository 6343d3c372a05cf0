"""The requirement files agree."""

import pytest

from backoffice.local.embedded import PROJECT
from backoffice.local.pins import differing

pytestmark = pytest.mark.unit


def test_the_projects_own_files_agree():
    assert differing(sorted(PROJECT.glob("requirements*.txt"))) == []


def test_a_package_pinned_to_two_versions_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("django==6.1.3 \\\n    --hash=sha256:00\nredis==8.1.0 \\\n")
    (tmp_path / "b.txt").write_text("django==6.1.2 \\\n    --hash=sha256:00\nredis==8.1.0 \\\n")
    (sentence,) = differing(sorted(tmp_path.glob("*.txt")))
    assert "django is pinned to 6.1.3 in a.txt, 6.1.2 in b.txt" in sentence
