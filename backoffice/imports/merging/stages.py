"""What the usual names of stages mean for the money, in English and Spanish. A manager can change it afterwards."""

import re

from backoffice.crm.models import Status

_USUAL = {
    Status.WON: (
        "won, closed won, close won, closed and won, win, sold, deal won, signed, "
        "ganada, ganado, cerrada ganada, cerrado ganado, ganada cerrada, vendida, vendido"
    ),
    Status.LOST: (
        "lost, closed lost, close lost, closed and lost, deal lost, dead, abandoned, disqualified, no decision, "
        "perdida, perdido, cerrada perdida, cerrado perdido, perdida cerrada, descartada, descartado, abandonada"
    ),
    Status.PENDING: "pending, on hold, hold, postponed, stalled, pendiente, en espera, en pausa, pospuesta, detenida",
}
_BY_NAME = {name: status for status, names in _USUAL.items() for name in names.split(", ")}


def usual_status(folded_label: str) -> Status:
    """Open, unless the name is one of the usual ones for something else ("Closed - Won", "100% Ganada")."""
    words = " ".join(re.findall(r"[^\W\d_]+", folded_label))
    return _BY_NAME.get(words, Status.OPEN)
