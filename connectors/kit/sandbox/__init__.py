"""A small internet of vendors to try things on: worlds of their own behind their facades, kept in one file.

Each world is at `/<name>/…`, as its vendor would serve it; `/` shows them and lets a person change something "there";
`/_faults` makes them misbehave.
"""

from connectors.kit.sandbox.faults import Fault
from connectors.kit.sandbox.serving import application, serve
from connectors.kit.sandbox.worlds import Worlds

__all__ = ["Fault", "Worlds", "application", "serve"]
