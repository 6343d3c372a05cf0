"""What the console opens on: upload a file, what runs and what ran, how much there is, what to do next."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import ApiKey, Role, User
from backoffice.access.permissions import may
from backoffice.console.connection_card import connections
from backoffice.console.formatting import whole_money
from backoffice.console.live import Live
from backoffice.console.searching import estimated_count
from backoffice.console.upload_pages import outcomes, state_badge
from backoffice.crm.models import Account, Activity, Choice, Contact, Opportunity, Rep
from backoffice.crm.models.choices import ChoiceList, Status
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Upload
from backoffice.jobs.models import OPEN, Job
from backoffice.quotas.models import Quota
from backoffice.sizes import size_in_words

COUNTED = (Opportunity, Account, Contact, Rep, Quota)
COUNTED_EXACTLY = 10_000
JOBS_SHOWN = 6
UPLOADS_SHOWN = 5
CURRENCIES_SHOWN = 3
# Summing a long table takes a moment: its figure may be that old.
SECONDS_TO_KEEP = 60


class Figure(NamedTuple):
    """A tile: how many records of a kind there are."""

    label: str
    number: str
    link: str


@dataclass(frozen=True)
class Step:
    """One line of the list of what to do next."""

    title: str | Promise
    why: str | Promise
    link: str
    is_done: bool


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold asks it for what `admin/index.html` shows."""
    user = cast("User", request.user)
    steps = list(next_steps(user))
    return (
        context
        | latest(user)
        | {
            "title": gettext("Overview"),
            "may_upload": may(user, "add", Upload),
            "kinds": list(KINDS.values()),
            "limit": size_in_words(settings.UPLOAD_LIMIT_BYTES),
            "limit_bytes": settings.UPLOAD_LIMIT_BYTES,
            "figures": [figure(user, model) for model in COUNTED if may(user, "view", model)],
            "pipeline": pipeline_in_words(user),
            "pipeline_link": reverse("admin:crm_opportunity_changelist"),
            "steps": [] if all(step.is_done for step in steps) else steps,
            "steps_done": sum(step.is_done for step in steps),
            "is_untied": is_untied(user),
            "connections": connections(user),
        }
    )


def live(request: HttpRequest) -> HttpResponse:
    """A poll of the dashboard: what runs and what ran last."""
    context = latest(cast("User", request.user)) | {"may_upload": may(request.user, "add", Upload)}
    return TemplateResponse(request, "console/dashboard/_latest.html", context)


def latest(user: User) -> dict[str, Any]:
    """The last jobs, those at work first, and the last uploads."""
    jobs = Job.objects.visible_to(user)
    at_work = list(jobs.filter(state__in=OPEN).order_by("id")[:JOBS_SHOWN])
    ended = jobs.exclude(state__in=OPEN).order_by("-id")[: JOBS_SHOWN - len(at_work)]
    seen = Upload.objects.visible_to(user).select_related("job", "preview_job", "asked_by")
    uploads = seen.order_by("-id")[:UPLOADS_SHOWN]
    return {
        "jobs": [Live(job) for job in (*at_work, *ended)],
        "uploads": [(upload, state_badge(upload), outcomes(upload)) for upload in uploads],
    }


def figure(user: User, model: Any) -> Figure:
    """How many of `model`'s rows `user` sees: exactly while they are few, else about, or at least."""
    link = page(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return Figure(capfirst(str(model._meta.verbose_name_plural)), count_in_words(user, model), link)


def count_in_words(user: User, model: Any) -> str:
    estimate = estimated_count(model) if user.sees_everything else -1
    if estimate > COUNTED_EXACTLY:
        rounded = round(estimate, 3 - len(str(estimate)))
        return gettext("about %(number)s") % {"number": number_format(rounded, force_grouping=True)}
    rows = model.objects.visible_to(user).filter(archived_at=None).order_by()
    count = rows[: COUNTED_EXACTLY + 1].count()
    shown = number_format(min(count, COUNTED_EXACTLY), force_grouping=True)
    return gettext("%(number)s+") % {"number": shown} if count > COUNTED_EXACTLY else shown


def pipeline_in_words(user: User) -> list[str]:
    """What is neither won nor lost yet, by currency, the largest first. Not converted: each in its own."""
    if estimated_count(Opportunity) <= COUNTED_EXACTLY:
        sums = open_pipeline(user)
    else:
        sums = cache.get_or_set(f"open-pipeline:{user.pk}", lambda: open_pipeline(user), SECONDS_TO_KEEP) or []
    return [whole_money(amount, currency) for currency, amount in sums[:CURRENCIES_SHOWN]]


def open_pipeline(user: User) -> list[tuple[str, Decimal]]:
    stages = Choice.objects.filter(list=ChoiceList.STAGE, status__in=(Status.OPEN, Status.PENDING))
    is_open = Q(stage=None) | Q(stage__in=list(stages.values_list("pk", flat=True)))
    rows = Opportunity.objects.visible_to(user).filter(is_open, archived_at=None, amount__isnull=False)
    sums = rows.order_by().values("currency").annotate(total=Sum("amount")).order_by("-total")
    return [(entry["currency"], entry["total"]) for entry in sums]


def is_untied(user: User) -> bool:
    """A rep's or manager's login that no rep is tied to: it sees nothing, and should know why."""
    return not user.sees_everything and not Rep.objects.filter(user=user).exists()


def next_steps(user: User) -> Iterator[Step]:
    """What somebody new does first, by role, and what of it is done."""
    opportunities = page("admin:crm_opportunity_changelist")
    has_opportunities = Opportunity.objects.visible_to(user).exists()
    if may(user, "add", Upload):
        yield Step(
            _("Upload your opportunities"),
            _("Accounts, stages and reps that the file names are made on the way."),
            page("admin:imports_upload_add"),
            Upload.objects.visible_to(user).exists(),
        )
    yield Step(_("Look at the opportunities"), _("Search, filter, open one."), opportunities, has_opportunities)
    if may(user, "change", Choice):
        yield Step(
            _("Say which stages are won and lost"),
            _("A stage's status decides what counts as pipeline."),
            page("admin:crm_choice_changelist") + "?list__exact=stage",
            has_won_and_lost(),
        )
    if may(user, "change", Rep):
        yield Step(
            _("Tie logins to reps"),
            _("A rep sees their own records, a manager the team's; a login without a rep sees nothing."),
            page("admin:crm_rep_changelist"),
            are_logins_tied(),
        )
    if may(user, "add", Quota):
        yield Step(
            _("Set quotas"),
            _("What each rep or team is to sell in a month."),
            page("admin:quotas_quota_changelist"),
            Quota.objects.visible_to(user).exists(),
        )
    else:
        yield Step(
            _("Plan an activity"),
            _("A call, a meeting, a to-do: with an account or an opportunity."),
            page("admin:crm_activity_changelist"),
            Activity.objects.visible_to(user).exists(),
        )
    if may(user, "add", ApiKey):
        yield Step(
            _("Make an API key"),
            _("For scripts that upload or read."),
            page("admin:access_apikey_changelist"),
            ApiKey.objects.visible_to(user).exists(),
        )


def has_won_and_lost() -> bool:
    stages = Choice.objects.filter(list=ChoiceList.STAGE, archived_at=None, status__in=(Status.WON, Status.LOST))
    return len(set(stages.values_list("status", flat=True))) == 2


def are_logins_tied() -> bool:
    """Whether every active login that sells has its rep, and there is one."""
    selling = User.objects.filter(is_active=True, role__in=(Role.REP, Role.MANAGER))
    return selling.exists() and not selling.filter(rep=None).exists()


def page(name: str) -> str:
    """A list's address; empty while the console has no such list."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
