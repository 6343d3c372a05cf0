"""Keys that look as if they belonged to one and belong to many: they tell nothing of who somebody is."""

import re

# Mailboxes of a desk, not of a person; in English and Spanish.
ROLES = frozenset(
    {
        *("abuse", "account", "accounting", "accounts", "admin", "administracion", "administration", "administrator"),
        *(
            "ap",
            "ar",
            "atencion",
            "atencionaclientes",
            "ayuda",
            "billing",
            "careers",
            "cobranza",
            "compras",
            "contabilidad",
        ),
        *("contact", "contacto", "contactus", "customerservice", "direccion", "empleo", "enquiries", "facturacion"),
        *("facturas", "finance", "finanzas", "hello", "help", "helpdesk", "hola", "hr", "info", "informacion"),
        *("information", "inquiries", "invoices", "it", "jobs", "legal", "mail", "marketing", "news", "newsletter"),
        *("no-reply", "noreply", "office", "oficina", "operaciones", "operations", "orders", "pagos", "payments"),
        *("pedidos", "postmaster", "press", "privacy", "proveedores", "purchasing", "recepcion", "reception"),
        *("recursoshumanos", "rh", "sales", "service", "servicio", "sistemas", "soporte", "support", "team"),
        *("tesoreria", "tickets", "ventas", "webmaster"),
    }
)

# Mail, hosting and page builders, beside those that uploads know.
SHARED = frozenset(
    {
        *("aol.com", "azurewebsites.net", "bt.com", "carrd.co", "cloudfront.net", "firebaseapp.com", "free.fr"),
        *(
            "gmx.com",
            "gmx.de",
            "gmx.net",
            "googlemail.com",
            "herokuapp.com",
            "hotmail.co.uk",
            "hotmail.es",
            "icloud.com",
        ),
        *("jimdo.com", "live.com", "live.com.mx", "mac.com", "mail.com", "me.com", "msn.com", "netlify.app"),
        *("outlook.es", "pages.dev", "prodigy.net.mx", "proton.me", "protonmail.com", "shopify.com", "squarespace.com"),
        *(
            "t-online.de",
            "telmexmail.com",
            "vercel.app",
            "web.app",
            "web.de",
            "webflow.io",
            "webnode.com",
            "wixsite.com",
        ),
        *("wordpress.org", "yahoo.co.uk", "yahoo.com.mx", "yahoo.es", "yandex.ru", "ymail.com", "zoho.com"),
    }
)

# What invoices carry for the public, and for customers abroad.
GENERIC_TAX_IDS = frozenset({"XAXX010101000", "XEXX010101000", "XAXX010101001", "XEXX010101001"})


def is_role_mailbox(address: str) -> bool:
    """`address` in lower case: info@, ventas@, no-reply+7@."""
    local = address.partition("@")[0].partition("+")[0]
    return local in ROLES or re.sub(r"[._-]", "", local) in ROLES


def is_shared_domain(domain: str) -> bool:
    """The domain itself, or one that it is below."""
    labels = domain.lower().split(".")
    return any(".".join(labels[start:]) in SHARED for start in range(len(labels) - 1))


def is_generic_tax_id(bare: str) -> bool:
    """`bare` is in upper case, letters and digits alone: too short, one of them over and over, or everybody's."""
    return len(bare) < 6 or len(set(bare)) == 1 or not any(map(str.isdigit, bare)) or bare in GENERIC_TAX_IDS
