"""The demo's logins: one per role a company works with, tied to reps of the demo."""

from dataclasses import dataclass

from backoffice.access.models import Role, User
from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Layout, Rep
from backoffice.local.demo.people import PEOPLE, email_of
from backoffice.local.logins import create_login, new_password

TEAM = "US East"
LAYOUTS = (
    ("opportunity", "Pipeline review", ["name", "account", "owner", "amount", "stage", "close_date", "next_step"]),
    ("account", "Call list", ["name", "phone", "website", "owner", "industry"]),
)


@dataclass(frozen=True)
class DemoLogin:
    """A login that was made just now. The password is nowhere else."""

    username: str
    role: Role
    password: str
    rep: str
    """Whose records it sees; empty for all."""


def make_logins() -> list[DemoLogin]:
    """Make `operations`, `manager` (leads a team) and `rep` (sells in it); those that are there stay as they are."""
    leader, seller, *_others = PEOPLE[TEAM]
    wanted = (
        (Role.OPERATIONS, None),
        (Role.MANAGER, Rep.objects.filter(email=email_of(leader)).first()),
        (Role.REP, Rep.objects.filter(email=email_of(seller)).first()),
    )
    with acting(None, Door.COMMAND, label="demo"):
        return [
            _make(role, rep)
            for role, rep in wanted
            if not User.objects.filter(username=role.value).exists()
            and (role is Role.OPERATIONS or (rep is not None and rep.user_id is None))
        ]


def _make(role: Role, rep: Rep | None) -> DemoLogin:
    password = new_password()
    user = create_login(role.value, role, password)
    if rep is not None:
        rep.user = user
        rep.save(update_fields=["user"])
    Layout.objects.bulk_create(
        Layout(user=user, entity=entity, name=name, fields=fields) for entity, name, fields in LAYOUTS
    )
    return DemoLogin(user.get_username(), role, password, rep.name if rep else "")
