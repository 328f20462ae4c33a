"""A test alert goes to each channel once, as the worker's user, and says what became of it."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from trunkward.cli import alert_test
from trunkward.fetch.webhook import NotDelivered
from trunkward.settings import Paths
from trunkward.trunks.alerting import LOG_ALONE, Alerting, Webhook

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="alerts are sent as another user")

HOOKS = Alerting(webhooks=(Webhook(url="https://a.example.com/", secret_file="/a"),))


@pytest.mark.parametrize(
    ("alerting", "problem", "code", "told"),
    [
        (HOOKS, "", 0, "https://a.example.com/: delivered"),
        (HOOKS, "answered 500", 1, "https://a.example.com/: not delivered: answered 500"),
        (LOG_ALONE, "", 2, "node.alerts names nobody"),
    ],
)
def test_what_became_of_it(
    alerting: Alerting,
    problem: str,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent: list[Any] = []
    became: list[int] = []

    def send(*message: Any) -> None:
        assert became, "sent as root"
        sent.append(message)
        if problem:
            raise NotDelivered(problem)

    node = SimpleNamespace(name="sbc.example.com", alerts=alerting)
    in_force = SimpleNamespace(declared=lambda: SimpleNamespace(node=node))
    monkeypatch.setattr(alert_test, "read_in_force", lambda _: in_force)
    monkeypatch.setattr(alert_test, "channels", lambda its, _: {one.url: send for one in its.webhooks})
    monkeypatch.setattr(alert_test, "uid", lambda _: 1234)
    monkeypatch.setattr(alert_test, "gid", lambda _: 1234)
    for name in ("setgroups", "setgid"):
        monkeypatch.setattr(os, name, lambda _: None)
    monkeypatch.setattr(os, "setuid", became.append)
    assert alert_test.run(Paths.from_environment()) == code
    said = capsys.readouterr()
    assert told in said.out + said.err
    assert len(sent) == len(alerting.webhooks)
    if sent:
        _, subject, body, _ = sent[0]
        assert subject == "[sbc.example.com] sbc.example.com: a test of alerts; no cap is reached"
        assert '"type": "spend.test"' in body
