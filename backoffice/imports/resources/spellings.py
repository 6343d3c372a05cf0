"""Other names that a column has in files of more than one kind."""

ACCOUNT_ID = (
    *("acct id", "external account id", "company id", "ID de cuenta", "ID de la cuenta", "ID cuenta"),
    *("Clave de cuenta", "Clave de la cuenta"),
)
CURRENCY = ("currency code", "Moneda", "Divisa")
OPPORTUNITY_ID = (
    *("opp id", "external opportunity id", "external opp id", "ID de oportunidad", "ID de la oportunidad"),
    *("ID oportunidad", "Clave de oportunidad", "Folio de oportunidad"),
)
OWNER = ("owner", "owner name", "Propietario", "Vendedor", "Responsable")
OWNER_EMAIL = (
    *("owner email", "owner email address", "Correo del propietario", "Correo electrónico del propietario"),
    *("Email del propietario", "Correo del vendedor", "Email del vendedor"),
)
