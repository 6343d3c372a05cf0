"""The sandbox for another WSGI server: its file is named by SANDBOX_FILE, the vendors are those Django knows."""

import os
from pathlib import Path

import django

from connectors.kit.sandbox.serving import application as make
from connectors.kit.sandbox.worlds import Worlds

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
django.setup()
application = make(Worlds.load(Path(os.environ["SANDBOX_FILE"])))
