"""What a facade is shown of each kind of record: as its vendor's mappings say, and the rest as our records have it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from connectors.kit.contract import Connector
from connectors.kit.mapping import Field, Part
from connectors.kit.mapping import Mapping as RecordMapping

# Ours alone; and whether a vendor holds a currency says whether its amounts are converted.
LEFT_OUT = frozenset({"uid", "currency"})


@cache
def shapes(connector: type[Connector]) -> Mapping[str, RecordMapping[Any]]:
    """One mapping a kind, with nearly all of its record's fields: a protocol may show more than its connector pulls.

    They say what references point at; never encode with them.
    """
    mappings: dict[str, list[RecordMapping[Any]]] = {}
    for capability in connector.capabilities.values():
        mappings.setdefault(capability.mapping.kind, []).append(capability.mapping)
    return {kind: _together(of_kind) for kind, of_kind in mappings.items()}


def _together(mappings: list[RecordMapping[Any]]) -> RecordMapping[Any]:
    first = mappings[0]
    parts: dict[str, Part] = {part.name: part for mapping in reversed(mappings) for part in mapping.parts}
    for each in msgspec.structs.fields(first.record):
        if each.name not in parts and each.name not in LEFT_OUT:
            parts[each.name] = Field(each.name, each.name)
    return RecordMapping(first.kind, first.record, *parts.values())
