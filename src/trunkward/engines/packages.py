"""The Debian packages that a node runs on."""

import subprocess
from pathlib import Path

#: The launcher reads the same file, and installs them.
PACKAGES = tuple((Path(__file__).parents[1] / "debian" / "packages").read_text(encoding="ascii").split())


def missing_packages() -> list[str]:
    """Those that are not installed and configured; all of them where there is no dpkg to ask."""
    question = ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n", *PACKAGES]
    try:
        # it fails when it does not know one of them, and tells of the others
        told = subprocess.run(question, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return list(PACKAGES)
    good = {line.split()[1] for line in told.splitlines() if line.startswith("ii ")}
    return [package for package in PACKAGES if package not in good]
