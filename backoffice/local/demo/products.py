"""What Caldera makes and sells."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from backoffice.crm.models import Product, ProductTax
from backoffice.local.demo.choices import TAXES
from backoffice.local.demo.copying import as_json, next_ids, uid_at
from backoffice.local.demo.world import SoldProduct, World


class Ware(NamedTuple):
    name: str
    short_name: str
    sku: str
    category: str
    measure: str
    price: int
    weight: float
    quantities: tuple[int, ...]
    """The numbers customers usually take."""


ONE, FEW, MANY = (1, 1, 1, 2), (1, 1, 2, 2, 3, 4), (2, 4, 6, 10, 12)
CATALOGUE = (
    Ware("Caldera Uno, one-group espresso machine", "Uno", "ESP-100", "Espresso machine", "Piece", 5_400, 10, FEW),
    Ware("Caldera Dúo, two-group espresso machine", "Dúo", "ESP-200", "Espresso machine", "Piece", 9_800, 14, FEW),
    Ware("Caldera Trío, three-group espresso machine", "Trío", "ESP-300", "Espresso machine", "Piece", 14_600, 8, ONE),
    Ware("Caldera Fumarola, lever machine", "Fumarola", "ESP-410", "Espresso machine", "Piece", 18_900, 3, ONE),
    Ware("Solo Touch, bean-to-cup machine", "Solo Touch", "AUT-120", "Espresso machine", "Piece", 7_250, 12, FEW),
    Ware(
        "Solo Touch XL, bean-to-cup with milk", "Solo Touch XL", "AUT-180", "Espresso machine", "Piece", 11_300, 8, FEW
    ),
    Ware("Molino 65, espresso grinder", "Molino 65", "GRI-065", "Grinder", "Piece", 1_150, 10, FEW),
    Ware("Molino 83 on demand", "Molino 83", "GRI-083", "Grinder", "Piece", 1_980, 9, FEW),
    Ware("Molino Shop, bulk grinder", "Molino Shop", "GRI-140", "Grinder", "Piece", 3_450, 3, ONE),
    Ware("Batch Brewer 2 × 6 l", "Batch Brewer", "BRE-206", "Brewer", "Piece", 2_890, 7, FEW),
    Ware("Cold Brew Tower", "Cold Tower", "BRE-310", "Brewer", "Piece", 1_640, 4, ONE),
    Ware("Tostadora 5 kg shop roaster", "Tostadora 5", "ROA-005", "Roaster", "Piece", 24_500, 2, ONE),
    Ware("Tostadora 15 kg roaster", "Tostadora 15", "ROA-015", "Roaster", "Piece", 46_900, 1, ONE),
    Ware("Softwell water softener", "Softwell", "WAT-020", "Water treatment", "Piece", 640, 8, FEW),
    Ware("Osmo 300 reverse osmosis", "Osmo 300", "WAT-300", "Water treatment", "Piece", 2_150, 4, ONE),
    Ware("Filter cartridges, box of six", "Cartridges", "WAT-106", "Accessory", "Set", 310, 9, MANY),
    Ware("Barista tool set", "Tool set", "ACC-050", "Accessory", "Set", 180, 6, MANY),
    Ware("Service contract Basic", "Service Basic", "SER-100", "Service", "Year", 980, 8, FEW),
    Ware("Service contract 24/7", "Service 24/7", "SER-247", "Service", "Year", 2_400, 6, FEW),
    Ware("Barista training, day", "Training", "SER-010", "Service", "Day", 750, 6, FEW),
    Ware("Installation", "Installation", "SER-001", "Service", "Piece", 450, 0.5, ONE),
    Ware("Caldera Classic, discontinued", "Classic", "ESP-090", "Espresso machine", "Piece", 4_900, 0, ONE),
)


class ProductRow(NamedTuple):
    id: int
    uid: str
    created_at: datetime
    changed_at: datetime
    name: str
    external_id: str
    short_name: str
    sku: str
    description: str
    price: Decimal
    currency: str
    category_id: int
    measure_id: int
    validity_id: int
    discount_id: int
    active: bool
    custom: str


class ProductTaxRow(NamedTuple):
    product_id: int
    tax_id: int
    position: int


def load_products(world: World) -> None:
    ids = next_ids(Product, len(CATALOGUE))
    world.copy(Product, _products(world, ids))
    world.copy(
        ProductTax,
        (
            ProductTaxRow(number, world.choice("tax", label), position)
            for number in ids
            for position, (label, _rate) in enumerate(TAXES)
        ),
    )
    world.products = [
        SoldProduct(number, ware.short_name, ware.price, ware.weight, ware.quantities, ware.category == "Service")
        for number, ware in zip(ids, CATALOGUE, strict=True)
    ]


def _products(world: World, ids: list[int]) -> Iterator[ProductRow]:
    chance, founding = world.random("products"), world.window.founding
    for number, ware in zip(ids, CATALOGUE, strict=True):
        is_service = ware.category == "Service"
        yield ProductRow(
            id=number,
            uid=uid_at(founding, chance),
            created_at=founding,
            changed_at=founding,
            name=ware.name,
            external_id=f"CAL-{ware.sku}",
            short_name=ware.short_name,
            sku=ware.sku,
            description=f"{ware.category}, sold by the {ware.measure.lower()}.",
            price=Decimal(ware.price),
            currency="USD",
            category_id=world.choice("category", ware.category),
            measure_id=world.choice("measure", ware.measure),
            validity_id=world.choice("validity", "One year" if is_service else "60 days"),
            discount_id=world.choice("discount", "None" if is_service else "Volume"),
            active=ware.weight > 0,
            custom=as_json({} if is_service else {"warranty_months": 24 if ware.price > 5_000 else 12}),
        )
