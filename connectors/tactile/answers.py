"""How Tactile CRM's server answers: PHP's JSON, 200 whatever happened, and its login page for what is no API call."""

import json
from typing import Any

from connectors.kit.facades import Reply

INVALID_ID = "Invalid ID specified"
INVALID_PAGE_ID = "Invalid id specified"  # of view, timeline and an id in the path of save
FAILED_LOGIN = "Failed to login"
TOO_LARGE = "The request is larger than can be accepted"
NOT_NOW = "The request could not be completed, please try again later"
MAYBE_DONE = "The request was sent on, and no answer came: look whether it was done before sending it again"

LOGIN_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Tactile CRM: Login</title></head>
<body>
<h1>Login</h1>
<form action="/login/" method="post">
<p><label>Username <input type="text" name="username"></label></p>
<p><label>Password <input type="password" name="password"></label></p>
<p><input type="submit" value="Login"></p>
</form>
</body>
</html>
"""


def encoded(value: Any) -> bytes:
    """As PHP's json_encode writes it: `\\/` for a slash, non-ASCII as `\\uXXXX`, nothing between the tokens."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def success(**answer: Any) -> Reply:
    return Reply(encoded({"status": "success", **answer}))


def error(*messages: str, status: int = 200) -> Reply:
    """Each text once, in order: "messages will contain an array of error messages (as strings)"."""
    return Reply(encoded({"status": "error", "messages": [*dict.fromkeys(messages)]}), status=status)


def login_page() -> Reply:
    return Reply(LOGIN_PAGE.encode(), content_type="text/html; charset=utf-8")
