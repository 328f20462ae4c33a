"""What of a platform's tree is the machine's."""

from pathlib import Path

import pytest

from trunkward.cli import host_paths

MOUNTS = """\
612 611 254:1 / /proc rw shared:1 - proc proc rw
613 611 254:1 /root /root rw - ext4 /dev/sda1 rw
614 611 254:1 /home/a\\040b /home/a\\040b rw - ext4 /dev/sda1 rw
615 611 0:50 / /run rw - tmpfs tmpfs rw
616 615 254:1 /run/trunkward /run/trunkward rw - ext4 /dev/sda1 rw
"""


@pytest.mark.parametrize(
    ("path", "mounted"),
    [
        ("/root/my.yaml", True),
        ("/root", True),
        ("/home/a b/x", True),
        ("/home/c", False),
        ("/rootless/x", False),
        ("/opt/x", False),
        ("/run/x", False),
        ("/run/trunkward/x", True),
        ("/", False),
    ],
)
def test_what_is_mounted(path: str, mounted: bool) -> None:
    assert host_paths.is_mounted(Path(path), MOUNTS) is mounted


def test_only_a_platform_has_something_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    monkeypatch.setattr(host_paths, "_MOUNTS", tmp_path / "mounts")
    monkeypatch.setattr(host_paths, "_STAMP", tmp_path / "stamp")
    assert host_paths.hint(Path("/opt/x")) == ""
    (tmp_path / "stamp").touch()
    assert "sees nothing of this machine's there" in host_paths.hint(Path("/opt/x"))
    assert host_paths.hint(Path("/root/x")) == ""
