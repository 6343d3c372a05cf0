"""What of a file is not read is said: where its columns are looked at, and with how it was read."""

import pytest
from django.core.files.base import ContentFile

from backoffice.imports.models import Mode
from backoffice.imports.starting import receive
from tests.console.uploading import page

pytestmark = [pytest.mark.django_db, pytest.mark.db]
TITLED = b"Pipeline of the North\n\nAs of today\nOpportunity ID,Opportunity Name\nA-1,Chairs\n"


@pytest.mark.parametrize(("mode", "name"), [(Mode.DRAFT, "columns"), (Mode.APPLY, "change")])
def test_rows_above_the_header_are_counted(client, operations_user, mode, name):
    client.force_login(operations_user)
    upload = receive(ContentFile(TITLED, name="file.csv"), "opportunities", operations_user, mode=mode)
    assert "2 rows above the header are left out." in client.get(page(name, upload.pk)).content.decode()
