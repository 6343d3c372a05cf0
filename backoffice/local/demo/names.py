"""Names of invented people by the country they live in, and the addresses made of them."""

import unicodedata
from random import Random
from typing import NamedTuple


class PersonName(NamedTuple):
    given: str
    family: str
    second_family: str = ""

    @property
    def full(self) -> str:
        return " ".join(filter(None, self))


class Names(NamedTuple):
    given: tuple[str, ...]
    family: tuple[str, ...]
    two_family_names: bool = False


ANGLO = Names(
    given=(
        *("Aaliyah", "Aiko", "Anthony", "Beatrice", "Carmen", "Chidi", "Chloë", "Dariusz", "Deborah", "Dmitri"),
        *("Elijah", "Fatima", "Grace", "Hannah", "Imani", "Jamal", "Jasmine", "Joaquín", "Kaitlyn", "Kwame"),
        *("Leila", "Liam", "Malik", "Mei", "Naomi", "Noor", "Omar", "Priya", "Quentin", "Renée"),
        *("Rohan", "Samantha", "Sinéad", "Tariq", "Thuy", "Ursula", "Victor", "Wei", "Yusuf", "Zoë"),
    ),
    family=(
        *("Abernathy", "Adeyemi", "Begum", "Björk", "Brennan", "Castellanos", "Chatterjee", "Dąbrowski", "D'Angelo"),
        *("Eastwood", "Fitzgerald", "Ghorbani", "Hakimi", "Holloway", "Iyer", "Jefferson", "Kowalczyk", "Lindqvist"),
        *("MacLeod", "Mbeki", "Nguyễn", "O'Malley", "Okafor", "Park", "Pemberton", "Quintero", "Rasmussen"),
        *("Sandoval", "Schwartz", "Tanaka", "Underhill", "Van der Berg", "Washington", "Xiong", "Yılmaz", "Zimmerman"),
    ),
)
MEXICAN = Names(
    given=(
        *("Alejandra", "Andrés", "Ángela", "Begoña", "César", "Citlali", "Daniela", "Diego", "Emiliano", "Estefanía"),
        *("Fermín", "Gael", "Guadalupe", "Hernán", "Inés", "Itzel", "Javier", "Jesús Alberto", "José Luis", "Julián"),
        *("Lourdes", "María José", "Martín", "Mónica", "Nicolás", "Óscar", "Paola", "Raúl", "Rocío", "Sofía"),
        *("Tomás", "Valeria", "Verónica", "Xóchitl", "Ximena", "Yolanda"),
    ),
    family=(
        *("Acuña", "Aguilar", "Avendaño", "Báez", "Cantú", "Castañeda", "Cervantes", "Domínguez", "Echeverría"),
        *("Escañuela", "Figueroa", "Galván", "Hinojosa", "Iturbide", "Juárez", "Lozano", "Magaña", "Montaño"),
        *("Nájera", "Ordóñez", "Patiño", "Quiñones", "Rentería", "Saldaña", "Tamez", "Ureña", "Villaseñor", "Zúñiga"),
    ),
    two_family_names=True,
)
GERMAN = Names(
    given=(
        *("Aylin", "Björn", "Bärbel", "Cem", "Dörte", "Elif", "Falk", "Friederike", "Günther", "Hannelore", "Ilse"),
        *("Jörg", "Jürgen", "Kerstin", "Käthe", "Lutz", "Maximilian", "Mehmet", "Nele", "Oğuz", "Petra", "Rüdiger"),
        *("Saskia", "Sönke", "Tatjana", "Thorsten", "Ulrike", "Vroni", "Wiebke", "Yvonne"),
    ),
    family=(
        *("Aßmann", "Bäcker", "Böhm", "Demirel", "Dreßler", "Eichstädt", "Fröhlich", "Geiß", "Göbel", "Grünewald"),
        *("Häußler", "Jäger", "Kaya", "Köhler", "Kreß", "Lührs", "Mäder", "Nußbaum", "Öztürk", "Pfäffle"),
        *("Rößler", "Schäfer", "Schüßler", "Süß", "Tröger", "Vößing", "von Bülow-Krauß", "Wölk", "Zöllner"),
    ),
)
FRENCH = Names(
    given=(
        *("Amélie", "Aurélien", "Baptiste", "Cécile", "Clémence", "Désirée", "Élodie", "Fabrice", "Gaëlle", "Héloïse"),
        *("Inès", "Jérôme", "Karim", "Léa", "Maëlys", "Noël", "Océane", "Rémi", "Salimata", "Théo", "Yasmine"),
    ),
    family=(
        *("Aubépine", "Beaujoint", "Bérenger", "Chastagnol", "Coeurdeuil", "Delépine", "Diallo", "Faucheux", "Gaudrée"),
        *("Haddad", "L'Hôte", "Lacroisade", "Maugé", "Noiret", "Pélissier", "Quéméner", "Roussillard", "Thévenet"),
    ),
)
SPANISH = Names(
    given=("Aitana", "Álvaro", "Begoña", "Íñigo", "Iratxe", "Lucía", "Montserrat", "Núria", "Rubén", "Iván"),
    family=("Arrieta", "Bermúdez", "Carreño", "Etxeberria", "Ibáñez", "Llorente", "Muñiz", "Ordoñana", "Peñalver"),
    two_family_names=True,
)
BY_COUNTRY = {
    "US": ANGLO,
    "GB": ANGLO,
    "MX": MEXICAN,
    "ES": SPANISH,
    "DE": GERMAN,
    "AT": GERMAN,
    "CH": GERMAN,
    "FR": FRENCH,
    "BE": FRENCH,
}

# What a decomposition does not reach.
LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "ł": "l", "ı": "i", "đ": "d", "œ": "oe"})


def ascii_word(text: str) -> str:
    """The text as it stands in an email address or a domain: `Großmann & Söhne` becomes `grossmann-sohne`."""
    plain = unicodedata.normalize("NFKD", text.translate(LETTERS)).encode("ascii", "ignore").decode().lower()
    return "-".join("".join(letter if letter.isalnum() else " " for letter in plain.replace("'", "")).split())


def person_of(country: str, chance: Random) -> PersonName:
    names = BY_COUNTRY[country]
    second = chance.choice(names.family) if names.two_family_names else ""
    return PersonName(chance.choice(names.given), chance.choice(names.family), second)


def email_at(domain: str, name: PersonName) -> str:
    return f"{ascii_word(name.given)}.{ascii_word(name.family)}@{domain}"
