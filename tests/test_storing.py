"""No file stays in the media storage for ever that no row knows."""

import os
import time

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from backoffice import storing
from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Document

pytestmark = [pytest.mark.db, pytest.mark.django_db]
CONTENT = Document._meta.get_field("content")
TWO_DAYS_AGO = time.time() - 2 * 24 * 3600


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def document():
    with acting(None, Door.COMMAND, label="test"):
        account = Account.objects.create(name="Acme")
        return Document.objects.create(name="offer.pdf", account=account, content=ContentFile(b"first", "offer.pdf"))


def age(name):
    os.utime(default_storage.path(name), (TWO_DAYS_AGO, TWO_DAYS_AGO))


def test_what_a_document_held_before_goes_and_what_it_holds_stays(document):
    before = document.content.name
    with acting(None, Door.COMMAND, label="test"):
        document.content = ContentFile(b"second", "offer.pdf")
        document.save()
    for name in (before, document.content.name):
        age(name)
    assert storing.sweep("documents", [CONTENT]) == 1
    assert not default_storage.exists(before)
    with document.content.open() as content:
        assert content.read() == b"second"


def test_a_file_whose_row_may_be_on_its_way_stays():
    default_storage.save("documents/young", ContentFile(b"?"))
    assert storing.sweep("documents", [CONTENT]) == 0
    assert default_storage.exists("documents/young")


def test_more_files_than_are_asked_for_at_once_are_swept(monkeypatch, document):
    monkeypatch.setattr(storing, "FILES_AT_ONCE", 2)
    age(document.content.name)
    for number in range(5):
        age(default_storage.save(f"documents/left{number}", ContentFile(b"?")))
    assert storing.sweep("documents", [CONTENT]) == 5
    assert default_storage.exists(document.content.name)


def test_a_folder_that_was_never_used_is_empty():
    assert storing.sweep("documents", [CONTENT]) == 0
