"""Who sees which rows: asked by console, API, exports, autocomplete, history and facades alike."""

from typing import Any, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models

from backoffice.access.roles import role_of


class VisibleQuerySet[M: models.Model](models.QuerySet[M]):
    """A queryset that can be narrowed to what one login may see.

    The model says what a rep or manager sees with a classmethod `visible_by(user) -> Q`. The Q must not
    multiply rows: look along other tables with Exists or IN, never with a join to many.
    """

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The rows `user` may see; for anyone without an active login and a role: none."""
        role = role_of(user)
        if role is None:
            return self.none()
        if role.sees_everything:
            return self
        model: Any = self.model
        return self.filter(model.visible_by(user))
