"""Names of list entries that usually mean the same, in English and Spanish, as folded words."""

import re
from functools import cache

from backoffice.crm.models import ChoiceList, Status
from backoffice.imports.merging.stages import usual_status

_SAME = {
    ChoiceList.STAGE: (
        "prospecting, prospect, lead, prospecto, prospeccion, prospectando",
        "qualification, qualified, qualify, calificacion, calificada, calificado, cualificacion",
        "needs analysis, discovery, analisis de necesidades, descubrimiento",
        "demo, demonstration, demostracion",
        "proposal, propuesta, proposal sent, propuesta enviada",
        "quote, quotation, cotizacion, cotizada, presupuesto",
        "negotiation, negotiating, negociacion, en negociacion",
        "contract, contract sent, contrato, contrato enviado",
    ),
    ChoiceList.TYPE: (
        "new business, new customer, new, nuevo negocio, negocio nuevo, cliente nuevo, nuevo cliente",
        "existing business, existing customer, negocio existente, cliente existente",
        "renewal, renew, renovacion",
        "upsell, up sell, cross sell, venta cruzada, venta adicional",
    ),
    ChoiceList.SOURCE: (
        "web, website, web site, internet, sitio web, pagina web",
        "referral, reference, recommendation, word of mouth, referencia, referido, recomendacion",
        "trade show, exhibition, fair, event, feria, evento, exposicion",
        "cold call, cold calling, llamada en frio, telemarketing",
        "partner, socio, socio comercial",
        "advertisement, advertising, advert, ad, anuncio, publicidad",
        "email, e mail, mailing, correo, correo electronico",
    ),
    ChoiceList.PRIORITY: (
        "low, baja, bajo",
        "medium, normal, media, medio",
        "high, alta, alto",
        "urgent, critical, urgente, critica",
    ),
    ChoiceList.ACCOUNT_TYPE: (
        "customer, client, cliente",
        "prospect, prospecto",
        "supplier, vendor, proveedor",
        "partner, socio",
        "competitor, competidor, competencia",
    ),
    ChoiceList.INDUSTRY: (
        "manufacturing, manufactura, fabricacion, industrial",
        "retail, comercio minorista, comercio al por menor, menudeo",
        "construction, construccion",
        "education, educacion",
        "healthcare, health, health care, salud",
        "technology, it, information technology, tecnologia, tecnologias de la informacion",
        "finance, financial services, finanzas, servicios financieros",
        "transport, transportation, logistics, transporte, logistica",
        "agriculture, agricultura",
        "government, public sector, gobierno, sector publico",
    ),
}


def words(folded_label: str) -> str:
    """A label without what people put between words: "Closed - Won" is "closed won"."""
    return " ".join(re.findall(r"[^\W_]+", folded_label))


@cache
def _groups(list_name: str) -> dict[str, str]:
    return {name: group for group in _SAME.get(ChoiceList(list_name), ()) for name in group.split(", ")}


def usual_meaning(list_name: str, folded_label: str) -> str:
    """What two labels of a list share if they usually mean the same; "" for a label that is nothing usual."""
    if list_name == ChoiceList.STAGE and (status := usual_status(folded_label)) != Status.OPEN:
        return status.value
    return _groups(list_name).get(words(folded_label), "")
