"""Which tables are logged, and under what name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import models


@dataclass(frozen=True)
class Logged:
    """How one model's rows are told of in the change log."""

    kind: str
    model: type[models.Model]
    parent: str | None
    parent_column: str | None
    skip: frozenset[str]


_logged: dict[str, Logged] = {}


def logged[M: models.Model](
    kind: str,
    *,
    parent: str | None = None,
    parent_field: str | None = None,
    skip: Iterable[str] = (),
) -> Callable[[type[M]], type[M]]:
    """Class decorator: every change of the model's rows is written to the change log as `kind`.

    Rows of a child model (a line, a member) are told under their `parent`, another logged kind, whose id
    is in the column `parent_field`. Columns in `skip` are never written down: secrets, derived search text.
    """
    if (parent is None) != (parent_field is None):
        raise TypeError(f"{kind}: parent and parent_field go together.")

    def register(model: type[M]) -> type[M]:
        if kind in _logged and _logged[kind].model.__qualname__ != model.__qualname__:
            raise TypeError(f'The change log already knows "{kind}": {_logged[kind].model.__qualname__}.')
        _logged[kind] = Logged(kind, model, parent, parent_field, frozenset(skip))
        model.change_kind = kind  # type: ignore[attr-defined]
        return model

    return register


def logged_models() -> list[Logged]:
    """Every logged model, in the order of their kinds."""
    return [_logged[kind] for kind in sorted(_logged)]


def model_of(kind: str) -> type[models.Model]:
    """The model whose rows are logged as `kind`; KeyError when none is."""
    return _logged[kind].model


def parent_of(model: type[models.Model]) -> type[models.Model] | None:
    """The model whose part `model` is; None when it stands on its own or is not logged."""
    logged_as = _logged.get(getattr(model, "change_kind", ""))
    return _logged[logged_as.parent].model if logged_as and logged_as.parent else None


def kind_of(model: type[models.Model] | models.Model) -> str:
    """The name `model` has in the change log; LookupError when it is not logged."""
    kind = getattr(model, "change_kind", "")
    if kind in _logged:
        return str(kind)
    raise LookupError(f"{model!r} is not in the change log: decorate it with @logged.")
