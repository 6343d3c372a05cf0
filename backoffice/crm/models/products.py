"""Products: what is sold, its price and taxes."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.base import (
    Row,
    amount_has_currency,
    choice,
    currency,
    external_id,
    flag,
    folded,
    indexes_for,
    money,
    part_of,
    prose,
    required_text,
    search_index,
    searched,
    text,
)
from backoffice.crm.visibility import of_the_company


@logged("product")
class Product(Row):
    name = required_text(_("name"))
    external_id = external_id(_("product ID"))
    short_name = text(_("short name"))
    sku = text(_("SKU"))
    description = prose(_("description"))
    price = money(_("price"))
    currency = currency()
    category = choice("category", _("category"))
    measure = choice("measure", _("measure"))
    validity = choice("validity", _("validity"))
    discount = choice("discount", _("discount"))
    active = flag(_("active"), default=True)
    name_key = folded("name")
    search = searched("name", "short_name", "sku", "external_id")

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ("name_key", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["external_id"],
                name="product_id_is_unique",
                violation_error_message=_("Another product already has this product ID."),
            ),
            models.CheckConstraint(
                condition=~models.Q(external_id=""),
                name="product_id_is_null_when_unknown",
                violation_error_message=_("Leave the product ID out rather than empty."),
            ),
            amount_has_currency("price", "product_price_has_a_currency"),
        )
        indexes = (
            models.Index(fields=["name_key", "id"], name="product_name"),
            *indexes_for("product", "category", "measure", "validity", "discount"),
            search_index("product"),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)


@logged("product_tax", parent="product", parent_field="product_id")
class ProductTax(models.Model):
    """A tax on a product, in order."""

    product = part_of(Product, _("product"), "taxes")
    tax = choice("tax", _("tax"), null=False, blank=False, db_index=True)
    position = models.PositiveIntegerField(_("position"), default=0, db_default=0)

    class Meta:
        verbose_name = _("tax")
        verbose_name_plural = _("taxes")
        ordering = ("position", "id")
        constraints = (models.UniqueConstraint(fields=["product", "tax"], name="product_has_a_tax_once"),)

    def __str__(self) -> str:
        return str(self.tax)
