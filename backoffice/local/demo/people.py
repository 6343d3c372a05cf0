"""The sales force: three regions, a tree of teams, and 35 reps with their places and managers."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from backoffice.crm.models import Region, Rep, RepPlace, Team
from backoffice.local.demo.copying import next_ids, uid_at
from backoffice.local.demo.names import PersonName, email_at
from backoffice.local.demo.window import months_on
from backoffice.local.demo.world import Seller, World

COMPANY = "Caldera Coffee Systems"
DOMAIN = "caldera.example"

REGIONS = ("United States", "Mexico", "Europe")
HEAD, ABROAD = "Worldwide sales", ""
# team, region, part of
TEAMS = (
    (HEAD, ABROAD, ""),
    ("US sales", "United States", HEAD),
    ("US East", "United States", "US sales"),
    ("US West", "United States", "US sales"),
    ("Key accounts", "United States", "US sales"),
    ("Ventas México", "Mexico", HEAD),
    ("México Centro", "Mexico", "Ventas México"),
    ("México Norte", "Mexico", "Ventas México"),
    ("Europe sales", "Europe", HEAD),
    ("DACH", "Europe", "Europe sales"),
    ("Western Europe", "Europe", "Europe sales"),
)
# The first of each team leads it; whoever leads a team of teams sells nothing.
PEOPLE: dict[str, tuple[PersonName, ...]] = {
    HEAD: (PersonName("Ingrid", "Sørensen"),),
    "US sales": (PersonName("Deshawn", "Whitfield"),),
    "US East": (
        PersonName("Oluchi", "Okonkwo"),
        PersonName("Brendan", "O'Shaughnessy"),
        PersonName("Priyanka", "Raghunathan"),
        PersonName("Theodora", "Papadakis"),
        PersonName("Marcus", "Bellweather"),
    ),
    "US West": (
        PersonName("Kenji", "Nakagawa"),
        PersonName("Siobhán", "McAllister"),
        PersonName("Tyrone", "Castlebury"),
        PersonName("Linh", "Phạm"),
        PersonName("Esperanza", "Villanueva"),
    ),
    "Key accounts": (
        PersonName("Rachel", "Goldfarb"),
        PersonName("Zachary", "Thundercloud"),
        PersonName("Amina", "El-Sayed"),
        PersonName("Håkon", "Lindstrøm"),
    ),
    "Ventas México": (PersonName("María Fernanda", "Ibáñez", "Quiroga"),),
    "México Centro": (
        PersonName("José Ángel", "Muñoz", "Peña"),
        PersonName("Guadalupe", "Nuñez", "Larrañaga"),
        PersonName("Héctor", "Zavala", "Cordero"),
        PersonName("Renata", "Solís", "Monroy"),
        PersonName("Cuauhtémoc", "Ávila", "Barragán"),
    ),
    "México Norte": (
        PersonName("Lucía", "Treviño", "Elizondo"),
        PersonName("Ramón", "Garza", "Elizalde"),
        PersonName("Ana Sofía", "Cárdenas", "Ríos"),
        PersonName("Iker", "Bañuelos", "Ochoa"),
    ),
    "Europe sales": (PersonName("Jörg", "Weißenborn"),),
    "DACH": (
        PersonName("Katharina", "Großmann"),
        PersonName("Şebnem", "Yıldırım"),
        PersonName("Matthäus", "Strauß"),
        PersonName("Änne", "Kühlwein"),
    ),
    "Western Europe": (
        PersonName("Étienne", "Lefèbvre"),
        PersonName("Begoña", "Urrutia", "Sáenz"),
        PersonName("Wiebe", "Hoekstra-Nagel"),
        PersonName("Océane", "d'Aubigné"),
    ),
}
CURRENCIES = {"United States": "USD", "Mexico": "MXN", "Europe": "EUR"}
PHONES = {"United States": "+1 212 555 01{:02}", "Mexico": "+52 55 5550 01{:02}", "Europe": "+49 30 23125 1{:02}"}

# Whose place changed within the two years: person, month from the start, team moved to.
MOVES = (("Linh Phạm", 13, "Key accounts"), ("Renata Solís Monroy", 8, "México Norte"))
JOINED = {"Änne Kühlwein": 10, "Marcus Bellweather": 5}
LEFT = {"Tyrone Castlebury": 16}


class RegionRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str


class TeamRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str
    region_id: int | None
    parent_id: int | None


class RepRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    given: str
    family: str
    second_family: str
    email: str
    username: str
    phone: str
    active: bool
    is_administrator: bool


class PlaceRow(NamedTuple):
    uid: str
    created_at: datetime
    changed_at: datetime
    rep_id: int
    manager_id: int | None
    team_id: int
    from_month: date
    until_month: date | None


class Stand(NamedTuple):
    """One place of one person: in a team from month to month."""

    name: str
    team: str
    from_month: date
    until_month: date | None


def email_of(name: PersonName) -> str:
    return email_at(DOMAIN, name)


def leader_of(team: str) -> PersonName:
    return PEOPLE[team][0]


def load_people(world: World) -> None:
    chance, founding = world.random("people"), world.window.founding
    regions = dict(zip(REGIONS, next_ids(Region, len(REGIONS)), strict=True))
    world.copy(
        Region,
        [RegionRow(number, uid_at(founding, chance), founding, founding, name) for name, number in regions.items()],
    )
    world.teams = dict(zip((name for name, *_ in TEAMS), next_ids(Team, len(TEAMS)), strict=True))
    world.copy(
        Team,
        [
            TeamRow(
                *(world.teams[name], uid_at(founding, chance), founding, founding, name),
                regions.get(region),
                world.teams.get(parent),
            )
            for name, region, parent in TEAMS
        ],
    )
    everybody = [(team, name) for team, names in PEOPLE.items() for name in names]
    world.reps = dict(zip((name.full for _team, name in everybody), next_ids(Rep, len(everybody)), strict=True))
    world.copy(
        Rep,
        [
            RepRow(
                *(world.reps[name.full], uid_at(founding, chance), founding, founding),
                *(name.given, name.family, name.second_family),
                email=email_of(name),
                username=email_of(name).partition("@")[0],
                phone=PHONES[_region(team) or "United States"].format(index),
                active=name.full not in LEFT,
                is_administrator=team == HEAD,
            )
            for index, (team, name) in enumerate(everybody)
        ],
    )
    stands = list(_stands(world))
    world.copy(
        RepPlace,
        [
            PlaceRow(
                *(uid_at(founding, chance), founding, founding),
                rep_id=world.reps[stand.name],
                manager_id=_manager(world, stand),
                team_id=world.teams[stand.team],
                from_month=stand.from_month,
                until_month=stand.until_month,
            )
            for stand in stands
        ],
    )
    world.sellers = list(_sellers(world, stands))


def _stands(world: World) -> Iterator[Stand]:
    start = world.window.start
    moves = {name: (months_on(start, index), team) for name, index, team in MOVES}
    for team, names in PEOPLE.items():
        for index, name in enumerate(names):
            full = name.full
            begins = months_on(start, JOINED[full] if full in JOINED else -3 * index - 6)
            ends = months_on(start, LEFT[full]) if full in LEFT else None
            if full in moves:
                month, next_team = moves[full]
                yield Stand(full, team, begins, months_on(month, -1))
                yield Stand(full, next_team, month, None)
            else:
                yield Stand(full, team, begins, ends)


def _manager(world: World, stand: Stand) -> int | None:
    """A team's leader manages it, and stands under the leader of the team it is part of."""
    team = stand.team
    if leader_of(team).full == stand.name:
        team = next(parent for name, _region, parent in TEAMS if name == team)
    return world.reps[leader_of(team).full] if team else None


def _sellers(world: World, stands: list[Stand]) -> Iterator[Seller]:
    """Everybody in a team without parts, where they stand now; leaders sell a little too."""
    chance = world.random("pace")
    teams_of_teams = {parent for _name, _region, parent in TEAMS}
    by_name = {person.full: person for people in PEOPLE.values() for person in people}
    for name in world.reps:
        places = [stand for stand in stands if stand.name == name]
        first, last = places[0], places[-1]
        pace = chance.uniform(0.75, 1.35)
        if last.team in teams_of_teams:
            continue
        region = _region(last.team)
        yield Seller(
            id=world.reps[name],
            pace=pace * (0.35 if leader_of(last.team).full == name else 1),
            territory="DACH" if last.team == "DACH" else region,
            currency=CURRENCIES[region],
            manager=_manager(world, last),
            email=email_of(by_name[name]),
            first_month=first.from_month,
            last_month=last.until_month,
        )


def _region(team: str) -> str:
    return next(region for name, region, _parent in TEAMS if name == team)
