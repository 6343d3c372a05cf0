"""Which of our reps and choices a vendor's entries evidently are, and making those that are not there."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence

from django.db.models import Max

from backoffice.crm.models import Choice, ChoiceList, Rep, Status
from backoffice.imports.merging import loading
from backoffice.imports.merging.references import parts_of_name
from backoffice.imports.merging.stages import usual_status
from backoffice.sync.meanings.usual_names import usual_meaning, words
from backoffice.sync.models import Option
from connectors.kit.contract import VendorList


def reps_for(options: Collection[Option]) -> dict[Option, int]:
    """By email, user name, full name, or a user name that begins an email; and only by what a single rep has."""
    if not options:
        return {}
    reps = list(Rep.objects.values_list("id", "email", "username", "name_key"))
    names = loading.folded({option.label for option in options} | {option.remote_id for option in options})
    by_email = _only((email.lower(), id) for id, email, _, _ in reps if email)
    by_username = _only((username.lower(), id) for id, _, username, _ in reps if username)
    by_name = _only((key, id) for id, _, _, key in reps if key)
    by_mailbox = _only((email.lower().partition("@")[0], id) for id, email, _, _ in reps if email)
    found = {}
    for option in options:
        email = str(option.extras.get("email") or "").strip().lower()
        login = option.remote_id.lower()
        id = (
            by_email.get(email)
            or by_email.get(login)
            or by_username.get(login)
            or by_name.get(names[option.label])
            or by_mailbox.get(login)
        )
        if id:
            found[option] = id
    return found


def choices_for(options: Collection[Option], lists: Mapping[str, VendorList]) -> dict[Option, int]:
    """By label; by its words alone; by what such names usually mean. Only by what one entry of our list has."""
    if not options:
        return {}
    ours: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for id, name, key, status in Choice.objects.filter(active=True, archived_at=None).values_list(
        "id", "list", "label_key", "status"
    ):
        ours[name].append((id, key, status))
    keys = loading.folded({option.label for option in options})
    found = {}
    for option in options:
        name = lists[option.list].choices
        choice_id = _choice(option, name, keys[option.label], ours[name])
        if choice_id:
            found[option] = choice_id
    return found


def _choice(option: Option, name: str, key: str, ours: Sequence[tuple[int, str, str]]) -> int | None:
    status = _status(option, key) if name == ChoiceList.STAGE else ""
    tests: list[tuple[str, Callable[[str, str], str]]] = [
        (key, lambda key, _: key),
        (words(key), lambda key, _: words(key)),
        (usual_meaning(name, key), lambda key, _: usual_meaning(name, key)),
        (status, lambda _, status: "" if status == Status.OPEN else status),
    ]
    for wanted, of_ours in tests:
        if wanted:
            hits = [id for id, our_key, our_status in ours if of_ours(our_key, our_status) == wanted]
            if len(hits) == 1:
                return hits[0]
    return None


def _status(option: Option, key: str) -> str:
    """What a stage counts as: as the vendor says, or as its name usually means."""
    said = str(option.extras.get("status") or "")
    return said if said in Status.values else usual_status(key).value


def _only[K: Hashable](pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    """Without the keys that several have."""
    found: dict[K, set[int]] = defaultdict(set)
    for key, id in pairs:
        found[key].add(id)
    return {key: next(iter(ids)) for key, ids in found.items() if len(ids) == 1}


def new_choice(option: Option, list_name: str) -> int:
    """The entry of this name in our list, added at its end if there is none."""
    key = loading.folded([option.label])[option.label]
    there = Choice.objects.filter(list=list_name, label_key=key).values_list("id", flat=True).first()
    if there is not None:
        return there
    last = Choice.objects.filter(list=list_name).aggregate(last=Max("order"))["last"] or 0
    status = _status(option, key) if list_name == ChoiceList.STAGE else ""
    probability = {Status.WON: 100, Status.LOST: 0}.get(Status(status)) if status else None
    return Choice.objects.create(
        list=list_name, label=option.label, order=last + 1, status=status, probability=probability
    ).pk


def new_rep(option: Option) -> int:
    email = str(option.extras.get("email") or "").strip().lower() or None
    parts = parts_of_name(option.label.strip() or option.remote_id)
    return Rep.objects.create(username=option.remote_id[:150], email=email, **parts).pk
