"""The columns of a file of accounts."""

from backoffice.crm import records
from backoffice.crm.models import Account
from backoffice.imports.resources import spellings
from backoffice.imports.resources.columns import (
    LABEL_CHARACTERS,
    Column,
    Email,
    Text,
    UploadResource,
    Website,
    every_field_of,
)
from backoffice.imports.resources.reaching import OFFICE, AddressPart, Phone


class AccountResource(UploadResource):
    """The address is the main one, the phone the office's."""

    record = records.Account
    key = "name"

    account_id = Column(
        "Account ID",
        Text(),
        attribute="account_id",
        field="external_id",
        clears=False,
        aliases=spellings.ACCOUNT_ID,
    )
    name = Column(
        "Account Name",
        Text(),
        attribute="name",
        field="name",
        required=True,
        aliases=(
            *("account", "name", "company", "company name", "Cuenta", "Nombre", "Nombre de cuenta"),
            *("Nombre de la cuenta", "Empresa", "Nombre de la empresa", "Compañía"),
        ),
    )
    website = Column(
        "Website",
        Website(),
        attribute="website",
        field="website",
        aliases=(
            *("Account URL/Website", "account url", "account website", "company website", "url", "web", "web site"),
            *("domain", "Sitio web", "Página web", "Sitio", "Dominio"),
        ),
    )
    owner_name = Column(
        "Account Owner",
        Text(),
        attribute="owner__name",
        field="owner",
        clears=False,
        aliases=(*spellings.OWNER, "account owner name", "Propietario de la cuenta"),
    )
    owner_email = Column(
        "Account Owner Email",
        Email(),
        attribute="owner__email",
        field="owner",
        clears=False,
        aliases=spellings.OWNER_EMAIL,
    )
    phone = Column(
        "Phone",
        Phone(OFFICE),
        attribute="phones",
        field="phones",
        aliases=(
            *("phone number", "telephone", "account phone", "office phone", "main phone", "Teléfono"),
            *("Teléfono de oficina", "Tel"),
        ),
    )
    type = Column(
        "Account Type",
        Text(LABEL_CHARACTERS),
        attribute="type__label",
        field="type",
        aliases=("type", "Tipo", "Tipo de cuenta", "Tipo de la cuenta"),
    )
    industry = Column(
        "Industry",
        Text(LABEL_CHARACTERS),
        attribute="industry__label",
        field="industry",
        aliases=("sector", "account industry", "Industria", "Giro", "Ramo"),
    )
    tax_id = Column(
        "Tax ID",
        Text(),
        attribute="tax_id",
        field="tax_id",
        aliases=("tax number", "vat", "vat id", "vat number", "ein", "RFC", "NIF", "CIF", "Identificación fiscal"),
    )
    street = Column(
        "Street",
        AddressPart("street1"),
        attribute="addresses",
        field="addresses",
        aliases=("address", "street address", "billing street", "Calle", "Calle y número", "Dirección", "Domicilio"),
    )
    city = Column(
        "City",
        AddressPart("city"),
        attribute="addresses",
        field="addresses",
        aliases=("town", "billing city", "Ciudad", "Población"),
    )
    state = Column(
        "State",
        AddressPart("state", "state_code"),
        attribute="addresses",
        field="addresses",
        aliases=("province", "state/province", "billing state", "Estado", "Provincia", "Entidad"),
    )
    postcode = Column(
        "Postcode",
        AddressPart("postcode"),
        attribute="addresses",
        field="addresses",
        aliases=("postal code", "zip", "zip code", "billing zip", "Código postal", "C.P.", "CP"),
    )
    country = Column(
        "Country",
        AddressPart("country", "country_code"),
        attribute="addresses",
        field="addresses",
        aliases=("billing country", "País"),
    )

    class Meta:
        model = Account
        exclude = every_field_of(Account)
