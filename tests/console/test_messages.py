import pytest
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.console import messages

pytestmark = pytest.mark.unit


@pytest.fixture
def house(tmp_path, settings):
    """An empty house: code and templates are what the test writes."""
    settings.BASE_DIR = tmp_path
    settings.LOCALE_PATHS = [tmp_path / "backoffice" / "locale"]
    (tmp_path / "backoffice").mkdir()
    (tmp_path / "templates").mkdir()
    return tmp_path


def texts():
    return {message.id for message in messages.found() if message.id}


def test_texts_are_found_in_code_and_templates(house):
    (house / "backoffice" / "a.py").write_text('x = _("Uploads")\ny = ngettext("%(n)s row", "%(n)s rows", n)\n')
    (house / "templates" / "a.html").write_text('{% load i18n %}{% translate "Jobs" %}<p>{{ _("Now") }}</p>')
    assert texts() == {"Uploads", ("%(n)s row", "%(n)s rows"), "Jobs", "Now"}


def test_a_block_with_a_plural_is_found_as_one_text(house):
    (house / "templates" / "a.html").write_text(
        "{% load i18n %}{% blocktranslate count n=rows %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}"
    )
    assert texts() == {("%(n)s row", "%(n)s rows")}


def test_an_untranslated_text_is_a_fault_until_it_is_translated(house):
    (house / "backoffice" / "a.py").write_text('x = _("Uploads")\n')
    messages.write(messages.updated())
    assert [str(fault) for fault in messages.faults()] == ["backoffice/a.py: not in es_MX yet: 'Uploads'"]
    po = messages.catalogue_path()
    po.write_text(po.read_text().replace('msgid "Uploads"\nmsgstr ""', 'msgid "Uploads"\nmsgstr "Cargas"'))
    messages.write(messages.updated())
    assert messages.faults() == []


def test_a_text_that_gets_a_plural_keeps_its_translation_and_misses_the_rest(house):
    (house / "backoffice" / "a.py").write_text('x = _("upload")\n')
    catalogue = messages.updated()
    catalogue.get("upload").string = "carga"
    messages.write(catalogue)
    (house / "backoffice" / "b.py").write_text('y = ngettext("upload", "uploads", n)\n')
    assert messages.updated().get("upload").string == ("carga", "")
    assert [fault.reason for fault in messages.faults()] == ["not in es_MX yet"]


def test_a_translation_that_lost_a_placeholder_is_a_fault(house):
    (house / "backoffice" / "a.py").write_text('x = _("Row %(line)s") % {"line": 1}\n')
    catalogue = messages.updated()
    catalogue.get("Row %(line)s").string = "Fila"
    messages.write(catalogue)
    assert [fault.text for fault in messages.faults()] == ["Row %(line)s"]


@pytest.mark.parametrize(
    ("forms", "is_fault"),
    [
        (("Una fila", "%(number)s filas"), False),
        (("%(number)s fila", "%(number)s filas"), False),
        (("Una fila", "Filas"), True),
        (("%(rows)s fila", "%(number)s filas"), True),
    ],
)
def test_only_the_form_for_a_single_thing_may_do_without_its_number(house, forms, is_fault):
    (house / "backoffice" / "a.py").write_text('x = ngettext("One row", "%(number)s rows", 1) % {"number": 1}\n')
    catalogue = messages.updated()
    catalogue.get(("One row", "%(number)s rows")).string = forms
    messages.write(catalogue)
    assert bool(messages.faults()) == is_fault


def test_a_compiled_catalogue_older_than_its_source_is_a_fault(house):
    (house / "backoffice" / "a.py").write_text('x = _("Uploads")\n')
    catalogue = messages.updated()
    catalogue.get("Uploads").string = "Cargas"
    messages.write(catalogue)
    po = messages.catalogue_path()
    po.write_text(po.read_text().replace("Cargas", "Subidas"))
    assert [fault.place for fault in messages.faults()] == ["django.mo"]


@pytest.mark.parametrize(
    "html",
    [
        "<h1>Welcome</h1>",
        '<img alt="A chart">',
        '<a title="More of it" href="{% url "admin:index" %}">{{ name }}</a>',
        "{% if rows %}No rows{% endif %}",
    ],
)
def test_a_word_in_a_template_outside_translate_is_a_fault(house, html):
    (house / "templates" / "a.html").write_text("{% load i18n %}" + html)
    assert len(messages.faults()) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<a class="text-lg" href="{% url "admin:index" %}" {% if x %}hidden{% endif %}>{{ name }}</a>',
        "<script>const word = 1;</script><style>.word { color: red }</style><!-- words -->",
        "&nbsp;·&nbsp;–&mdash; 100",
        "{% comment %}words{% endcomment %}{# words #}",
    ],
)
def test_markup_and_signs_are_no_words(house, html):
    (house / "templates" / "a.html").write_text(html)
    assert messages.faults() == []


def test_a_model_whose_name_is_not_marked_is_a_fault():
    class Thing(models.Model):
        colour = models.CharField("tint")
        size = models.CharField(_("size"))

        class Meta:
            app_label = "nowhere"
            verbose_name = _("thing")
            verbose_name_plural = _("things")

        def __str__(self):
            return self.colour

    Thing.__module__ = "backoffice.nowhere"
    assert [(fault.place, fault.text) for fault in messages.bare_model_texts([Thing])] == [("nowhere.Thing", "tint")]
