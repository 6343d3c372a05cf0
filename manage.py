#!/usr/bin/env python
"""The back office's command line."""

import os
import sys


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    from django.core.exceptions import ImproperlyConfigured

    from backoffice.local.lending import lend
    from backoffice.local.processes import Trouble

    try:
        with lend(sys.argv[1:]):
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except (Trouble, ImproperlyConfigured) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
