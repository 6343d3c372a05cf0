"""The kinds of job of the uploads."""

from backoffice.imports import applying

__all__ = ["applying"]
