"""Columns of a file by their headers, by what somebody chose for them, and what keeps a header from being taken."""

import json

import pytest

from backoffice.crm.models import Opportunity
from backoffice.imports.faults import Refused
from backoffice.imports.reading import headers
from backoffice.imports.resources.opportunities import OpportunityResource

pytestmark = [pytest.mark.db, pytest.mark.django_db]
REQUIRED = ["Opportunity ID", "Opportunity Name"]


def proposed(header, chosen=None):
    return headers.propose(OpportunityResource, header, chosen)


def refused(header, chosen=None):
    with pytest.raises(Refused) as error:
        headers.match(OpportunityResource, header, chosen)
    return error.value


def test_a_header_that_says_nothing_is_proposed_with_all_that_is_missing():
    found = proposed(["Colour", "Size"])
    assert (found.positions, found.unknown, found.missing) == ({}, ["Colour", "Size"], REQUIRED)
    assert str(refused(["Colour", "Size"])) == (
        "Missing required column: Opportunity ID, Opportunity Name. "
        "The file's first line is read as the header: Colour, Size."
    )


def test_a_column_that_stands_twice_is_proposed_once_and_said_to_be_there_twice():
    found = proposed([*REQUIRED, "Amount", "Importe"])
    assert found.positions == {"opportunity_id": 0, "name": 1, "amount": 2}
    assert found.twice == [
        "The column Amount stands more than once in the file: “Amount”, “Importe”. Keep one of them."
    ]
    assert refused([*REQUIRED, "Amount", "Importe"]).messages == found.twice


@pytest.mark.parametrize("header", ["Wert brutto", "WERT BRUTTO", "wert_brutto"])
@pytest.mark.parametrize("column", ["amount", "Amount", "Importe"])
def test_a_header_means_what_was_chosen_for_it(header, column):
    found = headers.match(OpportunityResource, [*REQUIRED, "Wert brutto"], {header: column})
    assert (found.positions["amount"], found.unknown) == (2, [])


def test_what_was_chosen_for_one_header_is_not_looked_for_in_others():
    found = headers.match(OpportunityResource, [*REQUIRED, "Amount", "Net"], {"Net": "Amount"})
    assert (found.positions["amount"], found.unknown) == (3, ["Amount"])


def test_a_header_for_which_nothing_is_chosen_is_ignored():
    found = headers.match(OpportunityResource, [*REQUIRED, "Amount"], {"Amount": ""})
    assert ("amount" in found.positions, found.unknown) == (False, ["Amount"])
    assert proposed(REQUIRED, {"Opportunity Name": ""}).missing == ["Opportunity Name"]


def test_of_two_columns_of_one_meaning_one_can_be_left_out():
    header = [*REQUIRED, "Amount", "Importe"]
    assert headers.match(OpportunityResource, header, {"Amount": ""}).positions["amount"] == 3
    assert headers.match(OpportunityResource, header, {"Importe": "amount"}).positions["amount"] == 3


def test_two_headers_chosen_for_one_column_are_refused():
    assert refused([*REQUIRED, "A", "B"], {"A": "amount", "B": "Amount"}).messages == [
        "The column Amount stands more than once in the file: “A”, “B”. Keep one of them."
    ]


def test_choices_that_make_no_sense_are_refused_naming_the_option_all_at_once():
    error = refused([*REQUIRED, "Net"], {"Nett": "amount", "Net": "Worth"})
    assert error.option == "columns"
    assert error.messages[0] == (
        "The option columns speaks of “Nett”, which is not in the file's header: Opportunity ID, Opportunity Name, Net."
    )
    assert error.messages[1].startswith(
        "The option columns takes “Net” for “Worth”, which is no column; there are: Opp"
    )


def test_choices_that_make_no_sense_leave_the_rest_of_a_proposal_as_it_is():
    found = proposed([*REQUIRED, "Net"], {"Nett": "amount", "Net": "Worth"})
    assert (found.positions, found.unknown) == ({"opportunity_id": 0, "name": 1}, ["Net"])
    assert len(found.wrong_choices) == 2


def test_an_upload_is_read_with_the_columns_that_were_chosen(upload):
    chosen = {"Folio": "Opportunity ID", "Asunto": "name", "Amount": "", "Neto": "amount"}
    done = upload(
        [["A-1", "Chairs", "1", "2"]], header=("Folio", "Asunto", "Amount", "Neto"), columns=json.dumps(chosen)
    )
    assert done.unknown == ["Amount"]
    assert (Opportunity.objects.get().external_id, Opportunity.objects.get().amount) == ("A-1", 2)
