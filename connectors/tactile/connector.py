"""What can be done with a Tactile CRM account."""

from connectors.kit.contract import Connector


class Tactile(Connector):
    vendor = "tactile"
    label = "Tactile CRM"
