"""Serves a sandbox: python -m connectors.kit.sandbox --port 8100 --file var/sandbox.json"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

import django

from connectors.kit.sandbox.serving import application, serve
from connectors.kit.sandbox.worlds import Worlds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m connectors.kit.sandbox", description="Vendors to try things on.")
    parser.add_argument("--port", type=int, default=8100, help="0: any free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--file", type=Path, required=True, help="where its worlds are kept, for example sandbox.json")
    parser.add_argument("--quiet", action="store_true", help="without a word about where it is")
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    django.setup()
    try:
        worlds = Worlds.load(given.file)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{given.file} can't be read as a sandbox's worlds: {error}\n")
        return 1
    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ended.set())
    server = serve(application(worlds), given.port, given.host)
    if not given.quiet:
        sys.stdout.write(f"Sandbox at http://{given.host}:{server.server_port}/\n")
        sys.stdout.flush()
    ended.wait()
    server.shutdown()
    server.server_close()
    worlds.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
