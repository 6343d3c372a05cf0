"""Why rows fail, told for all that fail alike: a sentence for all of them, and examples of what it leaves open."""

import re

import pytest

from backoffice.imports.faults import REASONS, Fault, in_general
from backoffice.imports.showing import reasons
from tests.imports.conftest import row

THE_FILES_OWN = {"name_column": "Name", "email_column": "Email", "id_column": "ID"}


def of_a_row(code, number):
    """A fault with values of its own."""
    names = set(re.findall(r"%\((\w+)\)s", str(REASONS[code]))) - {"column"}
    return Fault(code, "Amount", {name: THE_FILES_OWN.get(name, f"{name} of {number}") for name in names})


@pytest.mark.parametrize("code", REASONS)
def test_the_sentence_for_several_rows_has_the_values_of_none(code):
    said = in_general([of_a_row(code, number) for number in (1, 2, 3)])
    assert not re.search(r" of \d", said)
    assert "…." not in said
    assert ("…" in said) == bool(of_a_row(code, 1).values.keys() - THE_FILES_OWN)


@pytest.mark.parametrize("code", REASONS)
def test_what_all_rows_have_in_common_stays_in_the_sentence(code):
    assert in_general([of_a_row(code, 1)] * 3) == str(of_a_row(code, 1))


def grouped(upload):
    return [(reason.rows, reason.values, reason.in_words) for reason in reasons(upload)]


@pytest.mark.db
@pytest.mark.django_db
class TestOfAnUpload:
    def test_rows_with_emails_of_nobody_are_one_group_whether_something_is_near_them_or_not(self, upload, make):
        make.rep("Ana", "López", email="ana@example.com")
        emails = ["anna@example.com", "zacharias@other.example.net", "anna@example.com", "ana@exmaple.com"]
        done = upload(
            [[email, "2026-01", "1"] for email in emails],
            header=("Email Address of Salesrep", "Month", "Amount"),
            kind="quotas",
        )
        said = (
            "No rep has the email “…”. Correct it, or choose “Add reps that are not there yet” (option create_reps). "
            "(anna@example.com, zacharias@other.example.net, ana@exmaple.com)"
        )
        assert grouped(done) == [(4, 3, said)]

    def test_rows_with_one_email_of_nobody_are_told_what_is_near_it(self, upload, make):
        make.rep("Ana", "López", email="ana@example.com")
        done = upload([row(key, email="anna@example.com") for key in ("A-1", "A-2")])
        said = (
            "No rep has the email “anna@example.com”; the nearest is “ana@example.com”. "
            "Correct it, or give Opportunity Owner to add the rep."
        )
        assert grouped(done) == [(2, 1, said)]

    def test_what_differs_beside_the_value_is_left_open_too(self, upload):
        done = upload([row(key, name="x" * length) for key, length in (("A-1", 900), ("A-2", 900), ("A-3", 901))])
        assert grouped(done) == [(3, 2, "Opportunity Name has … characters; the most is 300.")]

    def test_of_many_values_the_first_are_named(self, upload):
        done = upload([row(f"A-{number}", amount=f"lots {number}") for number in range(7)])
        assert grouped(done) == [(7, 7, "Amount “…” is not an amount. (lots 0, lots 1, lots 2, lots 3, lots 4, …)")]
