"""Commands the pages name can be typed as they stand there."""

import re
from pathlib import Path


def test_the_supervisors_own_is_in_no_path(root: Path) -> None:
    # it is in the environment of each version, which `./trunkward shell` has in its PATH
    named = [
        line
        for page in sorted((root / "docs").glob("*.md"))
        for line in page.read_text(encoding="utf-8").splitlines()
        if "supervisorctl -c" in line
    ]
    assert named
    assert all(re.search(r"`\./trunkward shell supervisorctl -c ", line) for line in named)
