"""The requirement files pin each package to one version, the same in all of them.

python -m backoffice.local.pins requirements*.txt
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\]+?))? *\\?$", re.MULTILINE)


def differing(files: list[Path]) -> list[str]:
    """A sentence for each package whose pins differ."""
    pins: dict[str, dict[tuple[str, ...], list[str]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        versions: dict[str, list[str]] = defaultdict(list)
        for name, version, _marker in PIN.findall(file.read_text()):
            versions[name].append(version)
        for name, found in versions.items():
            pins[name][tuple(sorted(found))].append(file.name)
    return [
        f"{name} is pinned to "
        + ", ".join(f"{' and '.join(version)} in {', '.join(names)}" for version, names in found.items())
        + ": run `make lock`."
        for name, found in sorted(pins.items())
        if len(found) > 1
    ]


def main() -> int:
    sentences = differing([Path(name) for name in sys.argv[1:]])
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
