"""The table of `merging`, and what must hold whatever the values are."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.sync.models import Policy
from backoffice.sync.pulls.merging import Merged, Sides, merge

pytestmark = [pytest.mark.unit]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIELDS = ("name", "amount", "stage", "custom", "tags")
NEWER_THERE = Sides(NOW, NOW + timedelta(minutes=1))
NEWER_HERE = Sides(NOW + timedelta(minutes=1), NOW)


def merged(base, here, there, policy=Policy.ASK, sides=NEWER_HERE) -> Merged:
    return merge(base, here, there, fields=FIELDS, policy=policy, sides=sides)


def test_what_only_the_vendor_changed_is_written_here_and_agreed_on():
    result = merged({"name": "a", "amount": "1"}, {"name": "a", "amount": "1"}, {"name": "b", "amount": "1"})
    assert (result.write, result.conflicts, result.send) == ({"name": "b"}, [], {})
    assert result.base == {"name": "b", "amount": "1"}


def test_what_only_we_changed_is_left_for_the_outbox():
    result = merged({"name": "a"}, {"name": "b"}, {"name": "a"})
    assert (result.write, result.send, result.base) == ({}, {}, {"name": "a"})


def test_the_same_change_on_both_sides_is_agreed_on():
    result = merged({"name": "a"}, {"name": "b"}, {"name": "b"})
    assert (result.write, result.conflicts, result.base) == ({}, [], {"name": "b"})


def test_changes_of_different_fields_both_survive():
    result = merged({"name": "a", "amount": "1"}, {"name": "b", "amount": "1"}, {"name": "a", "amount": "2"})
    assert (result.write, result.conflicts) == ({"amount": "2"}, [])


def test_the_same_field_changed_on_both_sides_is_kept_for_a_person():
    result = merged({"name": "a"}, {"name": "b"}, {"name": "c"})
    assert [tuple(each) for each in result.conflicts] == [("name", "a", "b", "c")]
    assert (result.write, result.base) == ({}, {"name": "a"})


@pytest.mark.parametrize(
    ("policy", "sides", "wins"),
    [
        (Policy.VENDOR, NEWER_HERE, "there"),
        (Policy.OURS, NEWER_THERE, "here"),
        (Policy.NEWEST, NEWER_THERE, "there"),
        (Policy.NEWEST, NEWER_HERE, "here"),
        (Policy.NEWEST, Sides(None, NOW), "there"),
        (Policy.NEWEST, Sides(NOW, None), "here"),
    ],
)
def test_a_policy_settles_what_both_sides_changed(policy, sides, wins):
    result = merged({"name": "a"}, {"name": "b"}, {"name": "c"}, policy, sides)
    assert result.conflicts == []
    assert result.base == {"name": "c"}
    if wins == "there":
        assert (result.write, result.send) == ({"name": "c"}, {})
    else:
        assert (result.write, result.send) == ({}, {"name": "b"})


def test_what_the_vendor_does_not_speak_of_is_left_alone():
    result = merged({"name": "a", "amount": "1"}, {"name": "a", "amount": "2"}, {"name": "a"})
    assert (result.write, result.base) == ({}, {"name": "a", "amount": "1"})


def test_a_field_new_to_the_mapping_is_no_conflict():
    result = merged({"name": "a"}, {"name": "a", "amount": "1"}, {"name": "a", "amount": "2"})
    assert (result.write, result.conflicts, result.base["amount"]) == ({}, [], "2")


def test_a_field_new_to_the_mapping_fills_what_is_empty_here():
    assert merged({"name": "a"}, {"name": "a", "amount": None}, {"name": "a", "amount": "2"}).write == {"amount": "2"}


def test_at_first_contact_the_emptier_side_takes_the_others_value():
    result = merged(None, {"name": "a", "amount": "5", "stage": None}, {"name": "a", "amount": None, "stage": "x"})
    assert (result.write, result.send, result.conflicts) == ({"stage": "x"}, {"amount": "5"}, [])


def test_at_first_contact_values_that_differ_go_by_the_policy():
    assert [each.field for each in merged(None, {"name": "a"}, {"name": "b"}).conflicts] == ["name"]
    assert merged(None, {"name": "a"}, {"name": "b"}, Policy.VENDOR).write == {"name": "b"}


@pytest.mark.parametrize("policy", [*Policy])
@pytest.mark.parametrize("base", [{"changed_there": "2026-11-01"}, None])
def test_what_each_vendor_notes_for_itself_is_nobodys_conflict(base, policy):
    """Of a record at two vendors each has its own: the last one that spoke is shown."""
    here, there = {"changed_there": "2026-11-02"}, {"changed_there": "2026-11-03"}
    result = merge(base, here, there, fields=("changed_there",), policy=policy, sides=NEWER_HERE)
    assert (result.write, result.send, result.conflicts) == (there, {}, [])
    assert result.base == there


def test_custom_fields_are_merged_key_by_key():
    result = merged(
        {"custom": {"a": 1, "b": 1, "c": 1}},
        {"custom": {"a": 2, "b": 1, "c": 2, "ours": 9}},
        {"custom": {"a": 1, "b": 2, "c": 3, "new": 4}},
    )
    assert result.write == {"custom": {"b": 2, "new": 4}}
    assert [each.field for each in result.conflicts] == ["custom.c"]
    assert result.base == {"custom": {"a": 1, "b": 2, "c": 1, "new": 4}}


def test_tags_added_on_either_side_stay_and_those_taken_off_go():
    result = merged({"tags": ["a", "b", "c"]}, {"tags": ["b", "c", "ours"]}, {"tags": ["a", "b", "theirs"]})
    assert result.write == {"tags": ["b", "ours", "theirs"]}
    assert result.conflicts == []


VALUE = st.sampled_from([None, "", "1", "2", "3"])
RECORD = st.fixed_dictionaries(
    {"name": VALUE, "amount": VALUE, "stage": VALUE},
    optional={
        "custom": st.dictionaries(st.sampled_from("xyz"), st.integers(1, 3)),
        "tags": st.lists(st.sampled_from("abcd"), unique=True),
    },
)
POLICIES = st.sampled_from(Policy)


def after(here, result):
    """Our record once `write` is carried out."""
    written = {**here, **result.write}
    if "custom" in result.write:
        written["custom"] = {
            key: value
            for key, value in {**(here.get("custom") or {}), **result.write["custom"]}.items()
            if value is not None
        }
    return written


@given(base=RECORD, ours=VALUE, theirs=VALUE, policy=POLICIES)
def test_changes_to_different_fields_always_merge(base, ours, theirs, policy):
    result = merged(base, base | {"name": ours}, base | {"amount": theirs}, policy)
    assert result.conflicts == []
    assert after(base | {"name": ours}, result) == base | {"name": ours, "amount": theirs}


@given(base=st.none() | RECORD, here=RECORD, there=RECORD, policy=POLICIES)
def test_nothing_is_lost_without_the_policys_or_a_persons_say(base, here, there, policy):
    """A value of ours that goes away was either unchanged here, empty, or put below the vendor's by the policy."""
    result = merged(base, here, there, policy)
    for name, value in result.write.items():
        if name in {"custom", "tags"} or value == here.get(name):
            continue
        was_ours = base is not None and name in base and base[name] != here[name]
        if was_ours or (base is None and here[name] not in (None, "")):
            assert policy in {Policy.VENDOR, Policy.NEWEST}
    asked = {each.field for each in result.conflicts}
    assert not asked & {*result.write, *result.send}
    assert not (asked and policy != Policy.ASK)


@given(base=st.none() | RECORD, here=RECORD, there=RECORD, policy=POLICIES)
def test_merging_the_same_again_changes_nothing_more(base, here, there, policy):
    once = merged(base, here, there, policy)
    twice = merged(once.base, after(here, once), there, policy)
    assert twice.write == {}
    assert twice.base == once.base
    assert [each.field for each in twice.conflicts] == [each.field for each in once.conflicts]
