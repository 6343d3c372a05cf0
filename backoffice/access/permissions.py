"""What each role may do, in one place: asked by the console (as Django's permissions) and by the API.

Which rows it may do it to is another question, answered by `visibility`.
"""

from django.db import models

from backoffice.access.roles import Role, role_of
from backoffice.changes.registry import parent_of

SEE = frozenset({"view"})
MAKE = frozenset({"view", "add"})
KEEP = frozenset({"view", "add", "change"})
ALL = frozenset({"view", "add", "change", "delete"})
NOTHING: frozenset[str] = frozenset()

EVERYBODY = {
    "crm.region": SEE,
    "crm.team": SEE,
    "crm.rep": SEE,
    "crm.account": KEEP,
    "crm.contact": KEEP,
    "crm.opportunity": KEEP,
    "crm.activity": KEEP,
    "crm.note": KEEP,
    "crm.document": KEEP,
    "crm.ticket": KEEP,
    "crm.campaign": SEE,
    "crm.group": SEE,
    "crm.product": SEE,
    "crm.tag": SEE,
    "crm.choice": SEE,
    "crm.customfield": SEE,
    "crm.layout": ALL,
    "quotas.quota": SEE,
    "quotas.quotarevision": SEE,
    "quotas.exchangerate": SEE,
    "imports.export": MAKE,
    "jobs.job": SEE,
    "jobs.joblog": SEE,
    "changes.change": SEE,
}
# Models by label, else whole apps. A part of a record (a line, a member) goes by its record: see `verbs`.
TABLE: dict[Role, dict[str, frozenset[str]]] = {
    Role.REP: EVERYBODY,
    Role.MANAGER: EVERYBODY
    | {
        "crm.choice": KEEP,  # a stage's status is a manager's to settle
        "crm.campaign": KEEP,
        "crm.group": KEEP,
        "crm.tag": KEEP,
        "quotas.quota": KEEP,
        "imports": KEEP,
        "jobs.job": SEE | {"change"},
        "sync": SEE,
        "sync.option": SEE | {"change"},  # what a vendor's words mean is a manager's to settle
        "sync.conflict": SEE | {"change"},
        "sync.suggestion": SEE | {"change"},
    },
    Role.OPERATIONS: {
        "crm": ALL,
        "quotas": ALL,
        "quotas.quotarevision": SEE,
        "imports": ALL,
        "imports.export": MAKE,
        "jobs": SEE | {"change"},
        "changes": SEE,
        "sync": ALL,
    },
    Role.ADMIN: {
        "crm": ALL,
        "quotas": ALL,
        "quotas.quotarevision": SEE,
        "imports": ALL,
        "imports.export": MAKE,
        "jobs": SEE | {"change"},
        "changes": SEE,
        "sync": ALL,
        "access.user": ALL,
        "access.apikey": ALL,
        "axes": SEE,
    },
}


def verbs(role: Role | None, model: type[models.Model]) -> frozenset[str]:
    """What `role` may do to the model's rows. Who may change a record may add, change and remove its parts."""
    if role is None:
        return NOTHING
    meta = model._meta.concrete_model._meta if model._meta.concrete_model else model._meta
    own = TABLE[role].get(meta.label_lower)
    if own is None:
        parent = parent_of(model)
        if parent is not None:
            of_parent = verbs(role, parent)
            return ALL if "change" in of_parent else of_parent & SEE
        own = TABLE[role].get(meta.app_label)
    return own or NOTHING


def may(user: object, verb: str, model: type[models.Model]) -> bool:
    """Whether `user` may "view", "add", "change" or "delete" rows of `model` that it can see."""
    return verb in verbs(role_of(user), model)


def may_enter(user: object) -> bool:
    """Whether the console lets `user` in: any active login with a role."""
    return role_of(user) is not None
