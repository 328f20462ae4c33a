"""What the worker's user cannot read of `node.alerts` is told before an alert is lost for it."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkward.engines import alert_secrets
from trunkward.engines.alert_secrets import USER, unreadable
from trunkward.trunks.alerting import LOG_ALONE, Alerting, Mail, Webhook

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or USER not in {one.pw_name for one in pwd.getpwall()}, reason="needs the node's users"
)


@pytest.fixture
def directory() -> Iterator[Path]:
    """One that others may pass through, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_each_file_is_asked_of_as_that_user(directory: Path) -> None:
    modes = {"good": 0o644, "private": 0o600, "password": 0o600, "ca": 0o644}
    for name, mode in modes.items():
        (directory / name).write_text("x")
        (directory / name).chmod(mode)

    def hook(name: str) -> Webhook:
        return Webhook(url=f"https://{name}.example.com/", secret_file=str(directory / name))

    mail = Mail(
        host="m",
        port=25,
        sender="a@example.com",
        to=("b@example.com",),
        ca_file=str(directory / "ca"),
        password_file=str(directory / "password"),
    )
    told = list(unreadable(Alerting(webhooks=(hook("good"), hook("private"), hook("gone")), mail=mail)))
    assert [Path(line.partition(":")[0]).name for line in told] == ["private", "gone", "password"]
    assert all(f"{USER} cannot read it" in line for line in told)
    # a directory that is closed counts, too
    directory.chmod(0o700)
    assert len(list(unreadable(Alerting(webhooks=(hook("good"),))))) == 1
    assert list(unreadable(LOG_ALONE)) == []


def test_before_the_first_start_there_is_no_such_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_secrets, "USER", "nobody-of-that-name")
    assert list(unreadable(Alerting(webhooks=(Webhook(url="u", secret_file="/gone"),)))) == []
