"""Versions of the program beside each other, made of the one under test."""

import shutil
import site
import subprocess
import sys
from pathlib import Path

import trunkward

_PACKAGE = Path(trunkward.__file__).parent


def make_version(home: Path, version: str) -> Path:
    """An installation that calls itself `version`; its package can be changed. Returns its package."""
    prefix = home / "versions" / version
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True, timeout=60)
    (packages,) = prefix.glob("lib/python3*/site-packages")
    # third parties are those of this run
    (packages / "third-parties.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    shutil.copytree(_PACKAGE, packages / "trunkward")
    change(packages / "trunkward" / "__init__.py", f'"{trunkward.__version__}"', f'"{version}"')
    scripts = {
        "trunkward": "from trunkward.cli.main import main; main()",
        "supervisorctl": "from supervisor.supervisorctl import main; main()",
    }
    for name, code in scripts.items():
        script = prefix / "bin" / name
        script.write_text(f"#!{prefix}/bin/python\n{code}\n")
        script.chmod(0o755)
    return packages / "trunkward"


def change(file: Path, old: str, new: str) -> None:
    """Changes one place of a file."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new), encoding="utf-8")
