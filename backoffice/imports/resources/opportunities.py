"""The columns of a file of opportunities."""

from backoffice.crm import records
from backoffice.crm.models import Opportunity
from backoffice.imports.resources import spellings
from backoffice.imports.resources.columns import (
    LABEL_CHARACTERS,
    PROSE_CHARACTERS,
    Amount,
    Column,
    Currency,
    Day,
    Email,
    Text,
    UploadResource,
    Website,
    every_field_of,
)


class OpportunityResource(UploadResource):
    """As SalesDirector documents the file, and a currency beside the amount."""

    record = records.Opportunity
    key = "opportunity_id"

    opportunity_id = Column(
        "Opportunity ID",
        Text(),
        attribute="opportunity_id",
        field="external_id",
        required=True,
        aliases=spellings.OPPORTUNITY_ID,
    )
    name = Column(
        "Opportunity Name",
        Text(),
        attribute="name",
        field="name",
        required=True,
        aliases=("opp name", "Nombre de oportunidad", "Nombre de la oportunidad", "Nombre oportunidad", "Oportunidad"),
    )
    amount = Column(
        "Amount",
        Amount(),
        attribute="amount",
        field="amount",
        aliases=("opp amount", "opportunity amount", "Importe", "Monto", "Valor", "Cantidad"),
    )
    currency = Column(
        "Currency",
        Currency(),
        attribute="currency",
        field="currency",
        clears=False,
        aliases=spellings.CURRENCY,
    )
    close_date = Column(
        "Close Date",
        Day(),
        attribute="close_date",
        field="close_date",
        aliases=("closing date", "Fecha de cierre", "Cierre", "Fecha cierre"),
    )
    stage = Column(
        "Stage",
        Text(LABEL_CHARACTERS),
        attribute="stage__label",
        field="stage",
        aliases=("stage name", "opportunity stage", "sales stage", "Etapa", "Fase"),
    )
    owner_name = Column(
        "Opportunity Owner",
        Text(),
        attribute="owner__name",
        field="owner",
        clears=False,
        aliases=(*spellings.OWNER, "opportunity owner name", "Propietario de la oportunidad"),
    )
    owner_email = Column(
        "Opportunity Owner Email",
        Email(),
        attribute="owner__email",
        field="owner",
        clears=False,
        aliases=spellings.OWNER_EMAIL,
    )
    account_id = Column(
        "Account ID",
        Text(),
        attribute="account__account_id",
        field="account",
        aliases=spellings.ACCOUNT_ID,
    )
    account_name = Column(
        "Account Name",
        Text(),
        attribute="account__name",
        field="account",
        aliases=("account", "Cuenta", "Nombre de cuenta", "Nombre de la cuenta", "Empresa"),
    )
    website = Column(
        "Account URL/Website",
        Website(),
        attribute="account__website",
        field="account",
        aliases=("account url", "website", "account website", "url", "Sitio web", "Página web"),
    )
    type = Column(
        "Opportunity Type",
        Text(LABEL_CHARACTERS),
        attribute="type__label",
        field="type",
        aliases=("type", "opp type", "Tipo", "Tipo de oportunidad"),
    )
    next_step = Column(
        "Next Step",
        Text(PROSE_CHARACTERS),
        attribute="next_step",
        field="next_step",
        aliases=("next steps", "Siguiente paso", "Próximo paso", "Próximos pasos"),
    )

    class Meta:
        model = Opportunity
        exclude = every_field_of(Opportunity)
