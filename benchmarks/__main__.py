"""Run the benchmarks, each on a fresh database of servers that are started for it and thrown away.

python -m benchmarks                          all of them
python -m benchmarks uploads --rows 5000      one, with its own options
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from backoffice.local.embedded import PROJECT, Addresses, Servers

FOLDER = Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
# What has to be in the database first.
LOADED = dict.fromkeys(("api", "console_lists"), ("demo", "--opportunities", "1000000"))


def main() -> int:
    wanted = sys.argv[1:2] or NAMES
    if wanted[0] not in NAMES:
        print(f"There is no benchmark “{wanted[0]}”: choose from {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    home = Path(tempfile.mkdtemp(prefix="backoffice-benchmarks-"))
    home.chmod(0o755)
    servers = Servers(home)
    try:
        addresses = servers.attach()
        return max(run(name, sys.argv[2:], home, addresses) for name in wanted)
    finally:
        servers.release()
        shutil.rmtree(home, ignore_errors=True)


def run(name: str, options: list[str], home: Path, addresses: Addresses) -> int:
    print(f"── {name}", flush=True)
    environment = os.environ | {
        "DATABASE_URL": fresh_database(f"bench_{name}", addresses),
        "BROKER_URL": addresses.broker_url,
        "BACKOFFICE_DATA": str(home / name),
        "BACKOFFICE_LOCAL": "1",
    }
    for command in filter(None, (("migrate", "--verbosity", "0"), LOADED.get(name))):
        subprocess.run([sys.executable, "manage.py", *command], cwd=PROJECT, env=environment, check=True)
    script = FOLDER / f"{name}.py"
    return subprocess.run([sys.executable, str(script), *options], cwd=PROJECT, env=environment, check=False).returncode


def fresh_database(name: str, addresses: Addresses) -> str:
    url = addresses.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.replace("@/backoffice?", f"@/{name}?")


if __name__ == "__main__":
    sys.exit(main())
