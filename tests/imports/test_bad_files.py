"""Odd and bad files: what a good importer does with each of them, from the bytes to the records."""

import pytest

from backoffice.crm.models import Opportunity
from backoffice.imports.faults import Refused
from backoffice.imports.models import Upload
from tests.imports.conftest import outcomes, reasons
from tests.imports.corpus import FIELDS, cells, encodings, shapes, workbooks

pytestmark = [pytest.mark.db, pytest.mark.django_db]
FILES = encodings.FILES + shapes.FILES + cells.FILES + workbooks.FILES
REFUSED = [file for file in FILES if file.refused]
TAKEN = [file for file in FILES if not file.refused]


def said(file):
    return file.says


@pytest.mark.parametrize("file", REFUSED, ids=said)
def test_a_file_that_can_not_be_taken_is_refused_in_words(take, file):
    with pytest.raises(Refused) as refused:
        take(file.data, name=file.name, **file.options)
    assert file.refused in str(refused.value)
    assert refused.value.option == file.asks
    assert not Upload.objects.exists()


@pytest.mark.parametrize("file", TAKEN, ids=said)
def test_every_row_of_a_file_that_is_taken_ends_as_it_should(upload, file):
    done = upload(file.data, name=file.name, **file.options)
    assert outcomes(done) == file.outcomes.split()
    assert reasons(done) == dict(file.reasons)
    there = {record["external_id"]: record for record in Opportunity.objects.values("external_id", *FIELDS)}
    held = {key: {field: there[key][field] for field in wanted} for key, wanted in file.holds.items()}
    assert held == {key: dict(wanted) for key, wanted in file.holds.items()}
    assert {part: done.layout.get(part) for part in file.read_as} == dict(file.read_as)


def test_each_file_is_there_once():
    names = [file.says for file in FILES]
    assert len(set(names)) == len(names) >= 60
