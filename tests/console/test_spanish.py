"""What a Spanish-speaking login reads, and that the Mexican Spanish catalogue lacks nothing."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation

from backoffice.console.messages import faults
from backoffice.crm.models import Opportunity


@pytest.fixture
def reads(client, db):
    """Opens pages of the console in the language a browser asks for, and gives their text."""

    def reads(user, page, language="es-MX,es;q=0.9"):
        client.force_login(user)
        return client.get(reverse(page), headers={"accept-language": language}).content.decode()

    return reads


@pytest.mark.unit
def test_the_catalogue_has_no_fault():
    assert [str(fault) for fault in faults()] == []


@pytest.mark.unit
def test_counts_have_a_singular_and_a_plural():
    with translation.override("es-mx"):
        assert translation.ngettext("%(figure)s row", "%(figure)s rows", 1) == "%(figure)s fila"
        assert translation.ngettext("%(figure)s row", "%(figure)s rows", 2) == "%(figure)s filas"


@pytest.mark.unit
def test_names_of_models_are_written_as_django_wants_them():
    with translation.override("es-mx"):
        assert str(Opportunity._meta.verbose_name) == "oportunidad"
        assert str(Opportunity._meta.verbose_name_plural) == "oportunidades"


@pytest.mark.db
def test_the_overview_is_in_spanish(reads, admin_user):
    shown = reads(admin_user, "admin:index")
    assert '<html lang="es-mx"' in shown
    assert "Carga tus oportunidades" in shown
    assert "0 de 6 completados" in shown
    assert "Next steps" not in shown


@pytest.mark.db
def test_a_list_is_in_spanish(reads, admin_user):
    shown = reads(admin_user, "admin:crm_opportunity_changelist")
    assert "Nombre, ID de oportunidad o cuenta" in shown
    assert "0 oportunidades" in shown


@pytest.mark.db
def test_other_languages_are_answered_in_english(reads, admin_user):
    assert "Next steps" in reads(admin_user, "admin:index", language="fr")


@pytest.mark.db
def test_a_file_that_is_refused_is_refused_in_spanish(client, manager_user):
    client.force_login(manager_user)
    sent = {"kind": "opportunities", "file": SimpleUploadedFile("roto.csv", b"Nombre,Monto\nUno,1\n", "text/csv")}
    sent |= {"mode": "apply"}
    answer = client.post(reverse("admin:imports_upload_add"), sent, headers={"accept-language": "es-MX"})
    assert "Columnas obligatorias que faltan: Opportunity ID" in answer.content.decode()


@pytest.mark.db
def test_the_language_chosen_in_the_console_is_kept(client, admin_user):
    client.force_login(admin_user)
    client.post(reverse("admin:set_language"), {"language": "es-mx", "next": "/admin/"})
    assert "Siguientes pasos" in client.get(reverse("admin:index"), headers={"accept-language": "en"}).content.decode()
