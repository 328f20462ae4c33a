"""What a process says is a JSON object a line, with level, time and cause."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from trunkward.engines.process_log import log_as_json


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_line_is_an_object() -> None:
    out = io.StringIO()
    log_as_json(out)
    log = structlog.get_logger(process="acme")
    log.info("ready", port=443)
    try:
        raise OSError("no space")
    except OSError:
        log.exception("not-done")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["event"], first["level"], first["process"], first["port"]) == ("ready", "info", "acme", 443)
    assert first["timestamp"].endswith("Z")
    assert (second["level"], "no space" in second["exception"]) == ("error", True)
