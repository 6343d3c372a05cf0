import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_docs_work_under_our_content_security_policy(page, live_server):
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(f"{live_server.url}/api/docs")
    page.get_by_role("heading", name="opportunities").first.wait_for()
    page.get_by_text("/api/v1/opportunities", exact=True).first.click()
    page.get_by_text("amount_from").first.wait_for()
    assert [line for line in said if "favicon" not in line] == []
