"""The texts people see: found in code and templates, and held against the catalogues in `backoffice/locale`.

Babel reads and writes the catalogues, so that no gettext tools need to be installed.
"""

import gettext
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.apps import apps
from django.conf import settings
from django.contrib.admin.sites import all_sites
from django.db import models
from django.template.base import Lexer, TokenType
from django.utils.functional import Promise
from django.utils.translation.template import templatize

KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
SOURCES = ("backoffice", "connectors", "templates")
LOCALE = "es_MX"
DATELESS = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Fault:
    """A text that people would see untranslated, and where."""

    place: str
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}: {self.text!r}"


def catalogue_path(locale: str = LOCALE) -> Path:
    return Path(settings.LOCALE_PATHS[0]) / locale / "LC_MESSAGES" / "django.po"


def found() -> Catalog:
    """Every text marked for translation, with the files it stands in."""
    catalogue = Catalog(charset="utf-8")
    for path in _files("*.py"):
        with path.open("rb") as source:
            _gather(catalogue, path, "python", source)
    for path in _files("*.html", "*.txt"):
        code = templatize(path.read_text(), origin=str(path))
        _gather(catalogue, path, "javascript", io.BytesIO(code.encode()))
    return catalogue


def _files(*patterns: str) -> Iterator[Path]:
    for folder in SOURCES:
        for pattern in patterns:
            for path in sorted((settings.BASE_DIR / folder).rglob(pattern)):
                if "migrations" not in path.parts:
                    yield path


def _gather(catalogue: Catalog, path: Path, method: str, source: Any) -> None:
    place = str(path.relative_to(settings.BASE_DIR))
    for _line, message, _comments, context in extract(method, source, KEYWORDS, options={"encoding": "utf-8"}):
        if message:
            catalogue.add(message, locations=[(place, 0)], context=context)


def updated(locale: str = LOCALE) -> Catalog:
    """The catalogue of `locale` with exactly the texts found; those already translated keep their translation."""
    path = catalogue_path(locale)
    # Dates of its own would make two runs differ.
    fresh = Catalog(locale=locale, charset="utf-8", creation_date=DATELESS, revision_date=DATELESS)
    known = read_po(io.BytesIO(path.read_bytes()), locale=locale) if path.exists() else fresh
    for message in found():
        if message.id:
            known_message = known.get(message.id, message.context)
            fresh.add(
                message.id,
                _shaped_for(message.id, known_message.string if known_message else ""),
                locations=sorted(set(message.locations)),
                context=message.context,
            )
    return fresh


def _shaped_for(text: Any, translation: Any) -> Any:
    """The translation of a text that has got a plural, or lost it, keeps what fits."""
    forms = tuple(translation) if isinstance(translation, tuple | list) else (translation, "")
    return forms if isinstance(text, tuple | list) else forms[0]


def write(catalogue: Catalog, locale: str = LOCALE) -> None:
    path = catalogue_path(locale)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_po(catalogue))
    path.with_suffix(".mo").write_bytes(_mo(catalogue))


def _po(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(
        buffer,
        catalogue,
        width=110,
        sort_output=True,
        omit_header=True,
        include_lineno=False,
    )
    header = b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    plural = f'"Plural-Forms: {catalogue.plural_forms}\\n"\n"Language: {catalogue.locale}\\n"\n\n'.encode()
    return header + plural + buffer.getvalue()


def _mo(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def faults(locale: str = LOCALE) -> list[Fault]:
    """Everything that would reach a person untranslated; empty when all is well."""
    catalogue = updated(locale)
    missing = [
        Fault(message.locations[0][0], str(message.id), f"not in {locale} yet")
        for message in catalogue
        if message.id and not _is_translated(message.string)
    ]
    wrong = [
        Fault(message.locations[0][0], str(message.id), "its translation has other placeholders")
        for message in catalogue
        if message.id and not _keeps_placeholders(message.id, message.string)
    ]
    path = catalogue_path(locale)
    stale = []
    if not missing and (path.read_bytes() if path.exists() else b"") != (_po(catalogue) if len(catalogue) else b""):
        stale = [
            Fault(
                str(path.name),
                locale,
                "out of step with the code: run manage.py messages",
            )
        ]
    elif not missing and len(catalogue) and not _same_texts(path, catalogue, locale):
        stale = [
            Fault(
                str(path.with_suffix(".mo").name),
                locale,
                "older than its .po: run manage.py messages",
            )
        ]
    return missing + wrong + stale + list(_bare_template_texts()) + list(bare_model_texts(apps.get_models()))


def _is_translated(text: Any) -> bool:
    return all(text) if isinstance(text, tuple | list) else bool(text)


PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")


def _keeps_placeholders(text: Any, translation: Any) -> bool:
    """Whether every placeholder of the text stands in its translation.

    Of a plural all forms hold those of the last one; only that for a single thing may do without, as the text's does.
    """
    if isinstance(text, str):
        return not translation or _placeholders(text) == _placeholders(translation)
    wanted = _placeholders(text[-1])
    forms = [_placeholders(form) for form in translation if form]
    return all(form == wanted for form in forms[1:]) and (not forms or forms[0] in (wanted, _placeholders(text[0])))


def _placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def _same_texts(path: Path, catalogue: Catalog, locale: str) -> bool:
    compiled = path.with_suffix(".mo")
    if not compiled.exists():
        return False
    with compiled.open("rb") as source:
        texts = gettext.GNUTranslations(source)
    return all(
        (texts.pgettext(message.context, message.id) if message.context else texts.gettext(message.id))
        == message.string
        for message in catalogue
        if message.id and isinstance(message.id, str)
    )


# An icon's name stands where others have text.
ICON = r'<span class="[^"]*\bmaterial-symbols-outlined\b[^>]*>[^<]*</span>'
TAG = re.compile(ICON + r"|<(script|style|svg)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
SHOWN_ATTRIBUTE = re.compile(r'\b(?:title|alt|placeholder|aria-label)="([^"{]*[A-Za-z]{2}[^"{]*)"')
WORD = re.compile(r"[A-Za-z]{2,}")


def _bare_template_texts() -> Iterator[Fault]:
    """Words in our templates that stand outside {% translate %} and {% blocktranslate %}."""
    for path in _files("*.html"):
        place = str(path.relative_to(settings.BASE_DIR))
        translated = False
        kept = []
        for token in Lexer(path.read_text()).tokenize():
            name = token.contents.split()[0] if token.contents.split() else ""
            if token.token_type == TokenType.BLOCK and name in {
                "blocktranslate",
                "blocktrans",
                "comment",
            }:
                translated = True
            elif (
                token.token_type == TokenType.BLOCK
                and name.startswith("end")
                and name[3:]
                in {
                    "blocktranslate",
                    "blocktrans",
                    "comment",
                }
            ):
                translated = False
            elif token.token_type == TokenType.TEXT and not translated:
                kept.append(token.contents)
        # Tags of the template language are gone, so that an element's attributes stand together again.
        page = "\0".join(kept)
        for text in [
            *SHOWN_ATTRIBUTE.findall(page),
            *TAG.sub("\n", page).replace("\0", "\n").splitlines(),
        ]:
            words = re.sub(r"&[a-z#0-9]+;", " ", text).strip()
            if WORD.search(words):
                yield Fault(place, words[:80], "text outside {% translate %}")


def bare_model_texts(shown: Iterable[type[models.Model]]) -> Iterator[Fault]:
    """Names of models, fields and constraints that are not marked for translation.

    A name nobody gave (Django makes it from the field's own) matters only where the console shows the model.
    """
    in_console = {model for site in all_sites for model in site._registry}
    for model in shown:
        if not model.__module__.startswith("backoffice."):
            continue
        meta = model._meta
        texts: list[tuple[str, Any]] = [
            ("verbose_name", meta.verbose_name),
            ("plural", meta.verbose_name_plural),
        ]
        for field in meta.get_fields():
            if isinstance(field, models.Field) and field.model is model and _is_shown(field, model in in_console):
                texts += [
                    (f"{field.name}: name", field.verbose_name),
                    (f"{field.name}: help", field.help_text),
                ]
        texts += [(f"{item.name}: message", item.violation_error_message) for item in meta.constraints]
        for what, text in texts:
            if text and not isinstance(text, Promise):
                yield Fault(meta.label, str(text), f"{what} is not marked for translation")


def _is_shown(field: "models.Field[Any, Any]", in_console: bool) -> bool:
    if field.auto_created or field.primary_key:
        return False
    has_name_of_its_own = field.verbose_name != field.name.replace("_", " ")
    return has_name_of_its_own or (in_console and not field.generated)
