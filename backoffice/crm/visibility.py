"""Who sees which records: a rep the own, a manager the team as of now down the tree.

Only reps and managers are asked about here; operations and admin see all (`backoffice.access.visibility`).
A login that is tied to no rep sees nothing.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar

from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponseBase

from backoffice.access.models import Role, User

NOTHING = Q(pk__in=[])

TEAM = """
WITH RECURSIVE team(id) AS (
    SELECT rep.id FROM crm_rep AS rep WHERE rep.user_id = %(user)s
    UNION
    SELECT place.rep_id
    FROM crm_repplace AS place JOIN team ON place.manager_id = team.id
    WHERE %(manages)s
      AND place.from_month <= CURRENT_DATE
      AND (place.until_month IS NULL OR place.until_month + INTERVAL '1 month' > CURRENT_DATE)
)
SELECT id FROM team ORDER BY id
"""


_remembered: ContextVar[dict[tuple[int, str], list[int]] | None] = ContextVar("remembered", default=None)


def remember_teams(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: within one request a login's reps are asked for once, however many models it looks at."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        token = _remembered.set({})
        try:
            return get_response(request)
        finally:
            _remembered.reset(token)

    return middleware


def reps_under(user: User) -> list[int]:
    """Ids of the reps whose records `user` sees: the own rep and, for a manager, everyone below. One query.

    They come as ids and not as a subquery, so that a list can use the index on the owner.
    """
    remembered = _remembered.get()
    if remembered is None:
        return _ask(user)
    key = (user.pk, user.role)
    if key not in remembered:
        remembered[key] = _ask(user)
    return remembered[key]


def _ask(user: User) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(TEAM, {"user": user.pk, "manages": user.role == Role.MANAGER})
        return [row[0] for row in cursor.fetchall()]


def of_the_company(user: User) -> Q:
    """Rows that belong to everybody who sells: products, choices, teams, campaigns."""
    return Q(pk__isnull=False) if reps_under(user) else NOTHING


# Written over tables rather than models: the models ask these rules, so the rules can't ask the models.
OPPORTUNITIES = "SELECT id FROM crm_opportunity WHERE owner_id = ANY(%s) OR assigned_to_id = ANY(%s)"
ACCOUNTS_SOLD_TO = """
SELECT account_id FROM crm_opportunity
WHERE (owner_id = ANY(%s) OR assigned_to_id = ANY(%s)) AND account_id IS NOT NULL
"""
ACCOUNTS = f"SELECT id FROM crm_account WHERE owner_id = ANY(%s) OR assigned_to_id = ANY(%s) UNION {ACCOUNTS_SOLD_TO}"
CONTACTS = f"""
SELECT id FROM crm_contact WHERE owner_id = ANY(%s) OR assigned_to_id = ANY(%s) OR account_id IN ({ACCOUNTS})
"""


def _found_by(sql: str, reps: Sequence[int]) -> RawSQL:
    return RawSQL(sql, [list(reps)] * sql.count("%s"))  # noqa: S611 (the constants above)


def owned_by(reps: Sequence[int]) -> Q:
    """Rows with an owner and somebody they are assigned to, one of whom is among `reps`."""
    return Q(owner__in=reps) | Q(assigned_to__in=reps)


def accounts_of(reps: Sequence[int]) -> Q:
    """Accounts the reps own, or have an opportunity with."""
    return owned_by(reps) | Q(id__in=_found_by(ACCOUNTS_SOLD_TO, reps))


def contacts_of(reps: Sequence[int]) -> Q:
    """Contacts the reps own, and those of their accounts."""
    return owned_by(reps) | Q(account__in=_found_by(ACCOUNTS, reps))


def about_something_of(reps: Sequence[int]) -> Q:
    """Activities, notes, documents and tickets about a record the reps see."""
    return (
        Q(opportunity__in=_found_by(OPPORTUNITIES, reps))
        | Q(account__in=_found_by(ACCOUNTS, reps))
        | Q(contact__in=_found_by(CONTACTS, reps))
    )
