"""Who may come to a facade."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.crm.models import Rep
from backoffice.sync.models.connections import Connection, OfConnection


class FacadeKey(OfConnection):
    """A credential in the vendor's own shape, with which a rep's script comes to the facade. Kept as its digest."""

    connection = models.ForeignKey(Connection, models.CASCADE, verbose_name=_("connection"), related_name="facade_keys")
    rep = models.ForeignKey(
        Rep,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("rep"),
        help_text=_("None: sees everything, as an administrator there."),
    )
    vendor_user = models.CharField(_("the vendor's user"), max_length=200, blank=True, default="")
    ending = models.CharField(_("ends in"), max_length=4)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("facade credential")
        verbose_name_plural = _("facade credentials")
        ordering = ("-id",)
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"…{self.ending}"
