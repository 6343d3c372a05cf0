"""The worlds of a sandbox and the file they are kept in."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from connectors.kit import registry
from connectors.kit.mapping import Mapping
from connectors.kit.memory import World, write_whole


class _File(msgspec.Struct):
    worlds: dict[str, msgspec.Raw] = {}


class Worlds:
    """By name. `save` writes what has changed, the whole file at once; without a file nothing is kept."""

    def __init__(self, worlds: Iterable[World] = (), file: Path | None = None) -> None:
        self.file = file
        self._worlds: dict[str, World] = {}
        self._saved: dict[str, int] = {}
        self._lock = threading.Lock()
        for world in worlds:
            self.add(world)

    @classmethod
    def load(cls, file: Path) -> "Worlds":
        """Those in the file; none if there is no file yet. Raises ValueError for a file of something else."""
        loaded = cls(file=file)
        if file.exists():
            kept = msgspec.json.decode(file.read_bytes(), type=_File)
            for raw in kept.worlds.values():
                vendor = msgspec.json.decode(raw, type=dict[str, Any]).get("vendor", "")
                loaded.add(World.from_bytes(bytes(raw), mappings_of(vendor)))
            loaded._saved = {world.name: world.version for world in loaded}
        return loaded

    def add(self, world: World) -> World:
        """In place of one of the same name. Its name is a part of addresses: letters, digits, "-"."""
        if not world.name or world.name.strip("abcdefghijklmnopqrstuvwxyz0123456789-"):
            raise ValueError(f"“{world.name}” is no name for a world: small letters, digits and “-” are.")
        self._worlds[world.name] = world
        self._saved.pop(world.name, None)
        return world

    def get(self, name: str) -> World | None:
        return self._worlds.get(name)

    def __iter__(self) -> Iterator[World]:
        return iter(sorted(self._worlds.values(), key=lambda world: world.name))

    def save(self) -> None:
        if self.file is None:
            return
        with self._lock:
            versions = {world.name: world.version for world in self}
            if versions != self._saved:
                kept = _File({world.name: msgspec.Raw(world.to_bytes()) for world in self})
                write_whole(self.file, msgspec.json.encode(kept))
                self._saved = versions


def mappings_of(vendor: str) -> list[Mapping[Any]]:
    """What the vendor's connector knows of its records. A vendor that isn't there has none."""
    try:
        known = registry.connector(vendor)
    except registry.UnknownVendor:
        return []
    return [capability.mapping for capability in known.capabilities.values()]
