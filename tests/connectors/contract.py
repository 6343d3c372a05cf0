"""What every connector promises, as tests it passes by naming itself:

class TestAcme(ConnectorContract):
    connector = Acme
    samples = {"opportunity": Opportunity(name="Chairs", close_date=date(2026, 11, 30))}
"""

import os
import subprocess
import sys
import typing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from backoffice.crm.models.choices import ChoiceList
from backoffice.crm.records import Address, Assistant, Email, Phone, Ref
from connectors.kit import registry
from connectors.kit.contract import Connector, Meaning, Site
from connectors.kit.errors import ConnectorError, Misconfigured, Unavailable
from connectors.kit.mapping import Entry, Reference, Shape
from connectors.kit.settings import Kind, WrongSetting, checked
from tests.connectors.transport import FakeTransport, html, reply

ROOT = Path(__file__).parents[2]
SECRET = "secret-0123456789abcdef"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
digits = st.integers(1, 10**9).map(str)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
days = st.dates(date(1971, 1, 1), date(2200, 1, 1))
amounts = st.decimals(0, Decimal(10**8), places=4)
kinds = st.sampled_from(["office", "mobile", "fax", "other", ""])
phones = st.builds(Phone, number=texts, kind=kinds, extension=texts)
emails = st.builds(Email, address=texts, kind=kinds)
addresses = st.builds(
    Address,
    kind=st.sampled_from(["main", "shipping", "billing"]),
    **dict.fromkeys(("street1", "street2", "street3", "city", "county", "postcode", "country", "country_code"), texts),
)
BY_TYPE = {
    str: texts,
    str | None: st.none() | texts,
    bool: st.booleans(),
    int | None: st.none() | st.integers(0, 100),
    Decimal | None: st.none() | amounts,
    date | None: st.none() | days,
    datetime | None: st.none() | moments,
    Ref | None: st.none() | st.builds(Ref, id=digits, label=texts),
    Assistant | None: st.none() | st.builds(Assistant, name=texts, surname=texts, phone=texts, email=texts),
    list[str]: st.lists(texts, max_size=4),
    list[Phone]: st.lists(phones, max_size=3),
    list[Email]: st.lists(emails, max_size=3),
    list[Address]: st.lists(addresses, max_size=3),
    dict[str, typing.Any]: st.dictionaries(texts, texts, max_size=3),
}


def values_of(mapping, name):
    """What may stand in a record's field, as `sync` gives it to this mapping."""
    part = mapping.part(name)
    if isinstance(part, Entry):
        ids = digits if part.written else texts
        return st.none() | st.builds(Ref, id=ids, label=texts)
    if isinstance(part, Reference):
        return st.none() | st.builds(Ref, id=digits, label=texts)
    (known,) = typing.get_args(typing.get_type_hints(mapping.record)[name])
    return BY_TYPE[known]


@st.composite
def records(draw, mapping):
    """Records of the mapping's kind: any of its fields may be unknown."""
    names = {part.name for part in mapping.parts}
    known = draw(st.sets(st.sampled_from(sorted(names))))
    return mapping.record(**{name: draw(values_of(mapping, name)) for name in sorted(known)})


class ConnectorContract:
    connector: type[Connector]
    mappings = ()  # further ones than the capabilities name
    samples: typing.ClassVar[dict] = {}  # a record of each kind that can be created
    modules = ("client", "mapping", "facade")  # those that know nothing of Django

    def pytest_generate_tests(self, metafunc):
        if "mapping" in metafunc.fixturenames:
            of_kinds = [capability.mapping for capability in metafunc.cls.connector.capabilities.values()]
            each = [*of_kinds, *(mapping for mapping in metafunc.cls.mappings if mapping not in of_kinds)]
            metafunc.parametrize("mapping", each, ids=[f"{number}-{one.kind}" for number, one in enumerate(each)])
        if "created" in metafunc.fixturenames:
            can = [kind for kind, capability in metafunc.cls.connector.capabilities.items() if capability.create]
            metafunc.parametrize("created", can)

    def over(self, transport):
        """The connector on a site with secrets of its own."""
        secrets = {secret.name: SECRET for secret in self.connector.secrets}
        return self.connector(Site("https://vendor.example", transport, checked(self.connector.settings, {}), secrets))

    def test_it_is_registered_under_its_name(self):
        assert registry.connector(self.connector.vendor) is self.connector
        assert self.connector.vendor == self.connector.vendor.lower()
        assert self.connector.label

    def test_it_says_nothing_twice(self):
        for declared in (self.connector.settings, self.connector.secrets, self.connector.lists):
            names = [each.name for each in declared]
            assert len(names) == len({*names})

    def test_its_settings_work_without_being_touched(self):
        given = checked(self.connector.settings, {})
        assert checked(self.connector.settings, given) == given

    def test_a_setting_that_it_does_not_know_is_refused(self):
        with pytest.raises(WrongSetting, match="no such setting"):
            checked(self.connector.settings, {"no such thing": "1"})

    def test_a_setting_out_of_its_bounds_is_refused(self):
        for setting in self.connector.settings:
            wrong = {Kind.CHOICE: "neither of them", Kind.YES_NO: "perhaps", Kind.NUMBER: "many"}.get(setting.kind)
            bounds = [setting.least - 1] if setting.least is not None else []
            bounds += [setting.most + 1] if setting.most is not None else []
            for value in [*([wrong] if wrong else []), *bounds]:
                with pytest.raises(WrongSetting, match=setting.name):
                    checked(self.connector.settings, {setting.name: value})

    def test_a_secret_that_is_required_is_asked_for(self):
        required = [secret.name for secret in self.connector.secrets if secret.required]
        assert required, "a connection without credentials?"
        with pytest.raises(WrongSetting, match=required[0]):
            checked(self.connector.secrets, {})

    def test_what_it_can_do_is_there_to_be_called(self):
        for method in ("create", "update", "delete", "find", "view"):
            if any(getattr(capability, method) for capability in self.connector.capabilities.values()):
                assert getattr(self.connector, method) is not getattr(Connector, method), method

    def test_each_capability_is_of_its_own_kind(self):
        for kind, capability in self.connector.capabilities.items():
            assert capability.mapping.kind == kind

    def test_what_can_be_created_can_be_looked_for_after_a_lost_answer(self):
        for kind, capability in self.connector.capabilities.items():
            assert capability.find or not capability.create, kind

    def test_its_client_mapping_and_facade_need_no_settings_of_django(self):
        package = self.connector.__module__.rpartition(".")[0]
        wanted = ", ".join(f"{package}.{module}" for module in self.modules)
        code = f"import sys, {wanted}; assert 'django.db' not in sys.modules, 'the ORM'"
        environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def test_every_list_a_field_speaks_of_is_one_of_the_vendors(self, mapping):
        known = {each.name for each in self.connector.lists}
        assert {part.list for part in mapping.parts if isinstance(part, Entry)} <= known

    def test_every_list_means_something_of_ours(self):
        for each in self.connector.lists:
            assert each.meaning is Meaning.REP or each.choices in ChoiceList.values, each.name

    def test_a_reference_is_to_a_kind_that_it_pulls(self, mapping):
        pulled = {kind for kind, capability in self.connector.capabilities.items() if capability.pull}
        assert {part.kind for part in mapping.parts if isinstance(part, Reference)} <= pulled

    def test_every_required_field_is_written(self, mapping):
        assert {part.name for part in mapping.parts if part.required} <= mapping.takes_new

    def test_an_id_is_the_same_as_a_number_and_as_a_string(self, mapping):
        assert mapping.id_of({mapping.id: 885}) == mapping.id_of({mapping.id: "885"})
        assert mapping.id_of({mapping.id: 885}) != mapping.id_of({mapping.id: 886})

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
    @given(data=st.data())
    def test_what_the_vendor_can_hold_comes_back_as_it_went(self, mapping, data):
        normal = mapping.normal(data.draw(records(mapping)))
        assert mapping.decode(mapping.encode(normal)) == normal
        assert mapping.normal(normal) == normal

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
    @given(data=st.data())
    def test_what_is_written_is_understood_as_it_was_meant(self, mapping, data):
        wire = mapping.encode(data.draw(records(mapping)), Shape.WRITE)
        assert orjson.loads(orjson.dumps(wire)) == wire
        once = mapping.decode(wire, Shape.WRITE)
        again = mapping.decode(mapping.encode(once, Shape.WRITE), Shape.WRITE)
        said = [part.name for part in mapping.parts if getattr(once, part.name) is not UNSET]
        assert [getattr(again, name) for name in said] == [getattr(once, name) for name in said]

    def test_a_page_of_html_is_no_answer(self):
        with pytest.raises(ConnectorError) as caught:
            self.over(FakeTransport(html())).test()
        assert SECRET not in f"{caught.value} {caught.value.answer}"

    def test_an_answer_that_was_cut_is_no_answer(self):
        with pytest.raises(ConnectorError):
            self.over(FakeTransport(reply(b'{"status": "success", "opp'))).test()

    def test_a_vendor_that_is_down_is_unavailable(self):
        with pytest.raises(Unavailable):
            self.over(FakeTransport(reply("down for maintenance", status=503, content_type="text/plain"))).test()

    def test_a_redirect_is_not_followed(self):
        elsewhere = reply(b"", status=302, location="https://elsewhere.example/login")
        with pytest.raises(Misconfigured):
            self.over(FakeTransport(elsewhere)).test()

    @pytest.mark.parametrize(
        "answer",
        [html(), reply(b'{"sta'), reply(b"", status=500, content_type="text/plain"), reply(b"[]"), reply(b"null")],
        ids=["a page of HTML", "cut JSON", "status 500", "an empty list", "null"],
    )
    def test_an_answer_that_does_not_say_so_makes_no_receipt(self, created, answer):
        assert created in self.samples, f"name a {created} in `samples`"
        with pytest.raises(ConnectorError):
            self.over(FakeTransport(answer)).create(created, self.samples[created])

    def test_a_sample_can_be_written_as_it_is(self, created):
        mapping = self.connector.capabilities[created].mapping
        wire = mapping.encode(self.samples[created], Shape.WRITE)
        assert wire
        assert not [
            part.name for part in mapping.parts if part.required and not any(map(wire.get, part.keys(Shape.WRITE)))
        ]
