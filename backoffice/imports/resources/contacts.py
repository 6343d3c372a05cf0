"""The columns of a file of contacts."""

from backoffice.crm import records
from backoffice.crm.models import Contact
from backoffice.imports.resources import spellings
from backoffice.imports.resources.columns import Column, Email, Text, UploadResource, every_field_of
from backoffice.imports.resources.reaching import MOBILE, OFFICE, Phone


class ContactResource(UploadResource):
    """As SalesDirector documents the file; beside it a second last name, the account's ID and the owner."""

    record = records.Contact
    key = "email"

    # It links, and brings the account; a contact itself has none.
    opportunity_id = Column(
        "Opportunity ID",
        Text(),
        attribute="opportunity_id",
        field="account",
        clears=False,
        aliases=spellings.OPPORTUNITY_ID,
    )
    email = Column(
        "Email",
        Email(),
        attribute="email",
        field="emails",
        required=True,
        aliases=(
            *("email address", "contact email", "work email", "mail", "Correo", "Correo electrónico"),
            *("Dirección de correo", "Correo del contacto", "Email del contacto"),
        ),
    )
    full_name = Column(
        "Fullname",
        Text(),
        attribute="name",
        field="name",
        aliases=("full name", "name", "contact", "contact name", "Nombre completo", "Nombre del contacto", "Contacto"),
    )
    given = Column(
        "First Name",
        Text(),
        attribute="given",
        field="given",
        aliases=("first", "given name", "given", "forename", "Nombre", "Nombres", "Nombre de pila"),
    )
    family = Column(
        "Last Name",
        Text(),
        attribute="family",
        field="family",
        aliases=(
            *("last", "family name", "surname", "Apellido", "Apellidos", "Primer apellido", "Apellido paterno"),
            "Apellido 1",
        ),
    )
    title = Column(
        "Title",
        Text(),
        attribute="job_title",
        field="job_title",
        aliases=("job title", "role", "Puesto", "Cargo", "Título"),
    )
    company_name = Column(
        "Company Name",
        Text(),
        attribute="company_name",
        field="company_name",
        aliases=(
            *("company", "account", "account name", "organization", "Empresa", "Nombre de la empresa"),
            *("Nombre de empresa", "Compañía", "Cuenta", "Nombre de cuenta", "Nombre de la cuenta"),
        ),
    )
    phone = Column(
        "Phone",
        Phone(OFFICE),
        attribute="phones",
        field="phones",
        aliases=(
            *("phone number", "telephone", "office phone", "work phone", "business phone", "Teléfono"),
            *("Teléfono de oficina", "Teléfono de trabajo", "Tel"),
        ),
    )
    mobile = Column(
        "Mobile Phone",
        Phone(MOBILE),
        attribute="phones",
        field="phones",
        aliases=(
            *("mobile", "mobile number", "cell", "cell phone", "cellphone", "Celular", "Móvil"),
            *("Teléfono celular", "Teléfono móvil"),
        ),
    )
    second_family = Column(
        "Second Last Name",
        Text(),
        attribute="second_family",
        field="second_family",
        aliases=("second family name", "second surname", "Segundo apellido", "Apellido materno", "Apellido 2"),
    )
    account_id = Column(
        "Account ID",
        Text(),
        attribute="account__account_id",
        field="account",
        aliases=spellings.ACCOUNT_ID,
    )
    owner_name = Column(
        "Contact Owner",
        Text(),
        attribute="owner__name",
        field="owner",
        clears=False,
        aliases=(*spellings.OWNER, "contact owner name", "Propietario del contacto"),
    )
    owner_email = Column(
        "Contact Owner Email",
        Email(),
        attribute="owner__email",
        field="owner",
        clears=False,
        aliases=spellings.OWNER_EMAIL,
    )

    class Meta:
        model = Contact
        exclude = every_field_of(Contact)
