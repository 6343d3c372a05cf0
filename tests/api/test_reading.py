import pytest

pytestmark = [pytest.mark.db, pytest.mark.django_db]

LISTS = ("reps", "accounts", "contacts", "opportunities", "quotas")


def test_an_opportunity_reads_as_documented(rep, world):
    opportunity = world.rens["opportunities"]
    owner = world.rens["reps"]
    read = rep.get(f"/opportunities/{opportunity.pk}").json()
    assert list(read)[:11] == [
        *("id", "uid", "external_id", "name", "amount", "currency", "status", "stage", "stage_id", "probability"),
        "close_date",
    ]
    assert read["id"] == opportunity.pk
    opportunity.refresh_from_db()
    assert read["uid"] == str(opportunity.uid)
    assert (read["external_id"], read["name"]) == ("O-Ren", "Forklifts Ren")
    assert (read["amount"], read["currency"]) == ("1250.50", "MXN")
    assert (read["status"], read["stage"], read["probability"]) == ("open", "Negotiation", 60)
    assert read["close_date"] == "2026-11-30"
    assert read["account"] == {"id": world.rens["accounts"].pk, "name": "Ferretería Ren"}
    assert read["owner"] == {"id": owner.pk, "name": "Ren Test", "email": owner.email}
    assert (read["lines"], read["contacts"], read["tags"]) == ([], [], [])


@pytest.mark.parametrize("name", LISTS)
def test_a_list_and_its_records_agree(operations, world, name):
    for item in operations.get(f"/{name}").json()["items"]:
        record = operations.get(f"/{name}/{item['id']}").json()
        assert item == {key: record[key] for key in item}
