"""The lists and forms of every app, one module each."""

from importlib import import_module

for app in ("access", "crm", "quotas", "imports", "exports", "jobs", "sync", "sync_queues"):
    try:
        import_module(f"backoffice.console.admin.{app}")
    except ModuleNotFoundError as error:
        if error.name != f"backoffice.console.admin.{app}":
            raise
