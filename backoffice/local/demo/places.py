"""Cities the customers are in, and telephone numbers nobody has."""

from random import Random
from typing import NamedTuple

from backoffice.crm.records import Address, Phone


class City(NamedTuple):
    name: str
    state_code: str
    state: str
    postcode: str
    latitude: float
    longitude: float


class Country(NamedTuple):
    name: str
    cities: tuple[City, ...]
    streets: tuple[str, ...]
    number_first: bool
    phone: str
    mobile: str
    language: str


# In phone numbers and postcodes # stands for any digit; the numbers are the ranges set aside for fiction.
US = Country(
    "United States",
    (
        City("Boston", "MA", "Massachusetts", "021##", 42.3601, -71.0589),
        City("Charleston", "SC", "South Carolina", "294##", 32.7765, -79.9311),
        City("Philadelphia", "PA", "Pennsylvania", "191##", 39.9526, -75.1652),
        City("Chicago", "IL", "Illinois", "606##", 41.8781, -87.6298),
        City("Minneapolis", "MN", "Minnesota", "554##", 44.9778, -93.2650),
        City("Denver", "CO", "Colorado", "802##", 39.7392, -104.9903),
        City("Portland", "OR", "Oregon", "972##", 45.5152, -122.6784),
        City("Oakland", "CA", "California", "946##", 37.8044, -122.2712),
        City("Santa Fe", "NM", "New Mexico", "875##", 35.6870, -105.9378),
    ),
    ("Alder Street", "Cannery Row", "Harbor Boulevard", "Juniper Avenue", "Mill Road", "Orchard Lane", "Quarry Street"),
    True,
    "+1 ### 555 01##",
    "+1 ### 555 01##",
    "en",
)
MX = Country(
    "México",
    (
        City("Ciudad de México", "CMX", "Ciudad de México", "06###", 19.4326, -99.1332),
        City("Guadalajara", "JAL", "Jalisco", "441##", 20.6597, -103.3496),
        City("Mérida", "YUC", "Yucatán", "970##", 20.9674, -89.5926),
        City("Monterrey", "NLE", "Nuevo León", "640##", 25.6866, -100.3161),
        City("Puebla", "PUE", "Puebla", "720##", 19.0414, -98.2063),
        City("Querétaro", "QUE", "Querétaro", "760##", 20.5888, -100.3899),
        City("San Luis Potosí", "SLP", "San Luis Potosí", "780##", 22.1565, -100.9855),
    ),
    (
        "Calle de los Cafetos",
        "Av. Niños Héroes",
        "Calle Ñandú",
        "Calzada del Águila",
        "Av. Peñón Blanco",
        "Calle Orégano",
    ),
    False,
    "+52 55 5550 01##",
    "+52 55 5550 02##",
    "es-MX",
)
DE = Country(
    "Deutschland",
    (
        City("Berlin", "BE", "Berlin", "10###", 52.5200, 13.4050),
        City("Hamburg", "HH", "Hamburg", "20###", 53.5511, 9.9937),
        City("Köln", "NW", "Nordrhein-Westfalen", "50###", 50.9375, 6.9603),
        City("München", "BY", "Bayern", "80###", 48.1351, 11.5820),
        City("Nürnberg", "BY", "Bayern", "90###", 49.4521, 11.0767),
        City("Görlitz", "SN", "Sachsen", "028##", 51.1506, 14.9687),
    ),
    ("Röstergasse", "Große Mühlenstraße", "Am Bäckerplatz", "Lindenallee", "Fährstraße", "Königsweg", "Weißdornweg"),
    False,
    "+49 30 23125 ###",
    "+49 176 0406 0###",
    "de",
)
AT = DE._replace(
    name="Österreich",
    cities=(
        City("Wien", "9", "Wien", "10#0", 48.2082, 16.3738),
        City("Graz", "6", "Steiermark", "80#0", 47.0707, 15.4395),
    ),
    phone="+43 1 5550 1##",
    mobile="+43 1 5550 2##",
)
CH = DE._replace(
    name="Schweiz",
    cities=(
        City("Zürich", "ZH", "Zürich", "80##", 47.3769, 8.5417),
        City("Bern", "BE", "Bern", "30##", 46.9480, 7.4474),
    ),
    phone="+41 44 555 01 ##",
    mobile="+41 44 555 02 ##",
)
FR = Country(
    "France",
    (
        City("Lyon", "ARA", "Auvergne-Rhône-Alpes", "6900#", 45.7640, 4.8357),
        City("Nîmes", "OCC", "Occitanie", "3000#", 43.8367, 4.3601),
        City("Besançon", "BFC", "Bourgogne-Franche-Comté", "25000", 47.2378, 6.0241),
    ),
    ("rue du Théâtre", "allée des Mûriers", "place de l'Église", "quai de la Pêcherie", "rue Honoré"),
    True,
    "+33 1 99 00 ## ##",
    "+33 6 39 98 ## ##",
    "fr",
)
BE = FR._replace(
    name="Belgique",
    cities=(City("Liège", "WLG", "Liège", "40#0", 50.6326, 5.5797),),
    phone="+32 4 555 01 ##",
    mobile="+32 4 555 02 ##",
)
ES = MX._replace(
    name="España",
    cities=(
        City("A Coruña", "C", "A Coruña", "150##", 43.3623, -8.4115),
        City("Málaga", "MA", "Málaga", "290##", 36.7213, -4.4214),
    ),
    phone="+34 955 55 01 ##",
    mobile="+34 955 55 02 ##",
    language="es",
)
GB = US._replace(
    name="United Kingdom",
    cities=(City("Bristol", "ENG", "England", "BS# #QX", 51.4545, -2.5879),),
    phone="+44 117 496 0###",
    mobile="+44 7700 900###",
)
COUNTRIES = {"US": US, "MX": MX, "DE": DE, "AT": AT, "CH": CH, "FR": FR, "BE": BE, "ES": ES, "GB": GB}
# Where a territory's customers are, the more often the more of them.
TERRITORIES = {
    "United States": ("US",),
    "Mexico": ("MX",),
    "DACH": ("DE", "DE", "DE", "DE", "AT", "CH"),
    "Europe": ("FR", "FR", "FR", "BE", "ES", "ES", "GB"),
}


def dialled(pattern: str, chance: Random) -> str:
    return "".join(str(chance.randint(2, 9)) if sign == "#" else sign for sign in pattern)


def address_in(code: str, city: City, chance: Random, kind: str = "main") -> Address:
    country = COUNTRIES[code]
    street, number = chance.choice(country.streets), str(chance.randint(1, 240))
    return Address(
        kind=kind,
        street1=f"{number} {street}" if country.number_first else f"{street} {number}",
        number=number,
        city=city.name,
        state_code=city.state_code,
        state=city.state,
        postcode=dialled(city.postcode, chance),
        country_code=code,
        country=country.name,
        latitude=round(city.latitude + chance.uniform(-0.03, 0.03), 5),
        longitude=round(city.longitude + chance.uniform(-0.03, 0.03), 5),
    )


def office_phone(code: str, chance: Random) -> Phone:
    extension = str(chance.randint(100, 499)) if chance.random() < 0.3 else ""
    return Phone(number=dialled(COUNTRIES[code].phone, chance), kind="office", extension=extension)


def mobile_phone(code: str, chance: Random) -> Phone:
    return Phone(number=dialled(COUNTRIES[code].mobile, chance), kind="mobile")
