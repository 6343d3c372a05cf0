"""Documents: under what name a file is taken and kept, and who gets its content."""

import re

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Document

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def stored(rep, name="Plan.html", content=b"<script>alert(1)</script>"):
    with acting(None, Door.COMMAND, label="test"):
        document = Document(name=name, author=rep, account=Account.objects.create(name="Molino", owner=rep))
        if content is not None:
            document.content.save(name, ContentFile(content), save=False)
        document.save()
    return document


def where(document):
    return reverse("admin:crm_document_content", args=[document.pk])


def file(name="Plan.pdf", content=b"the plan"):
    return SimpleUploadedFile(name, content)


def test_whoever_sees_a_document_gets_its_content_as_a_file(visit, rep_user):
    answer = visit(rep_user).get(where(stored(rep_user.rep)))
    assert answer.streaming
    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Plan.html"'
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]
    answer.close()


def test_a_name_with_letters_of_any_language_arrives_whole(visit, rep_user):
    answer = visit(rep_user).get(where(stored(rep_user.rep, "Cotización año 2027 «ñ».pdf")))
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename*=utf-8''Cotizaci%C3%B3n%20a%C3%B1o%202027%20%C2%AB%C3%B1%C2%BB.pdf"
    )
    answer.close()


def test_for_an_outsider_a_document_does_not_exist(visit, client, rep_user, outsider_user):
    address = where(stored(rep_user.rep))
    assert visit(outsider_user).get(address).status_code == 404
    assert client.get(address).status_code == 302  # to the login


@pytest.mark.parametrize("number", [999_999, 2**70])
def test_a_document_that_is_not_there_is_not_found(visit, rep_user, number):
    assert visit(rep_user).get(reverse("admin:crm_document_content", args=[number])).status_code == 404


def test_absent_content_is_said_in_a_sentence(visit, rep_user):
    told_of, lost = stored(rep_user.rep, content=None), stored(rep_user.rep)
    lost.content.storage.delete(lost.content.name)
    for document in (told_of, lost):
        answer = visit(rep_user).get(where(document))
        assert answer.status_code == 404
        assert "its content is not kept here" in answer.content.decode()


def test_a_file_gives_its_name_and_size_and_is_kept_under_a_random_name(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    assert visit(rep_user).add(Document, name="", content=file("Año 1.pdf"), account=account.pk).status_code == 302
    document = Document.objects.get()
    assert (document.name, document.size) == ("Año 1.pdf", len(b"the plan"))
    assert re.fullmatch(r"documents/[0-9a-f]{32}", document.content.name)
    assert document.content.read() == b"the plan"
    document.content.close()


def test_a_given_name_stands_and_takes_the_files_ending_where_it_has_none(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    visitor = visit(rep_user)
    visitor.add(Document, name="Offer", content=file(), account=account.pk)
    visitor.add(Document, name="Offer.txt", content=file(), account=account.pk)
    assert set(Document.objects.values_list("name", flat=True)) == {"Offer.pdf", "Offer.txt"}


def test_neither_a_name_nor_a_file_is_refused(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    answer = visit(rep_user).add(Document, name="", account=account.pk)
    assert "required" in str(answer.context["adminform"].form.errors["name"])


def test_another_file_changes_content_name_and_size(visit, rep_user):
    document = stored(rep_user.rep, "Plan")
    before = document.content.name
    assert visit(rep_user).save(document, name="", content=file("New plan.pdf", b"new")).status_code == 302
    document.refresh_from_db()
    assert (document.name, document.size) == ("New plan.pdf", 3)
    assert document.content.name != before


def test_the_form_and_the_list_lead_to_the_content_and_never_to_where_it_is_kept(visit, rep_user):
    document, told_of = stored(rep_user.rep), stored(rep_user.rep, "Told of.pdf", content=None)
    visitor = visit(rep_user)
    for page in (visitor.record(document), visitor.list(Document)):
        shown = page.content.decode()
        assert f'href="{where(document)}"' in shown
        assert f'href="/{document.content.name}"' not in shown
        assert where(told_of) not in shown


def test_a_refused_form_still_leads_to_the_content_that_stands(visit, rep_user):
    document = stored(rep_user.rep)
    answer = visit(rep_user).save(document, account="", content=file())
    assert answer.status_code == 200
    assert f'href="{where(document)}"' in answer.content.decode()
