"""The settings of the tests: the product's own, on servers of the run's own, strict about who acts."""

import os

from tests import servers

servers.start()
# The browser's driver keeps an event loop in the thread that also asks the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

from backoffice.settings import *  # noqa: E402, F403
from backoffice.settings import DATA_DIR, DATABASES  # noqa: E402

DATABASES["default"].setdefault("OPTIONS", {})["options"] = (
    "-c backoffice.require_actor=on -c backoffice.truncate=allowed"
)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = DATA_DIR / "media"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # or whitenoise warns
