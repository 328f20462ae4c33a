"""What a part tells of itself, read from its metrics; what the edge wrote of Kamailio."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from trunkward import __version__
from trunkward.engines.exporter import Heartbeat
from trunkward.engines.part_numbers import PartNumbers, read_kamailio


def _numbers(clock: Callable[[], float]) -> tuple[Heartbeat, Callable[[], PartNumbers]]:
    registry, heartbeat = CollectorRegistry(), Heartbeat(clock)
    registry.register(heartbeat)

    def read() -> PartNumbers:
        text = generate_latest(registry).decode()
        return PartNumbers(families=tuple(text_string_to_metric_families(text)))

    return heartbeat, read


def test_a_loop_that_hangs_shows_though_its_thread_answers() -> None:
    now = 100.0
    heartbeat, read = _numbers(lambda: now)
    assert read().problem == ""
    assert read().version == __version__
    now = 103.0
    assert read().problem == "its last sign of life is 3 s old"
    heartbeat.beat()
    assert read().problem == ""


def test_a_part_without_a_sign_of_life_is_named() -> None:
    assert PartNumbers().problem == "its metrics have no sign of life"
    assert PartNumbers().version == ""


def test_one_sample_by_its_labels() -> None:
    text = 'a_total{x="1",y="2"} 5\na_total{x="2",y="2"} 6\n'
    numbers = PartNumbers(families=tuple(text_string_to_metric_families(f"# TYPE a_total counter\n{text}")))
    assert numbers.value("a_total", x="2") == 6
    assert numbers.value("a_total", x="3") is None


GOOD = '{"at":2.5,"since":1,"version":"6.0.1","calls_running":3,"trunks_registered":2,"bindings":4,"counted":{"rcv_requests":7}}'


def test_what_the_edge_wrote(tmp_path: Path) -> None:
    file = tmp_path / "kamailio.json"
    file.write_text(GOOD)
    numbers = read_kamailio(file)
    assert (numbers.at, numbers.version, numbers.calls_running) == (2.5, "6.0.1", 3)
    assert (numbers.trunks_registered, numbers.bindings) == (2, 4)
    assert numbers.counted == {"rcv_requests": 7}


@pytest.mark.parametrize("text", ["", "[]", "{}", GOOD.replace("7", '"x"'), GOOD.replace('{"rcv', '["rcv')])
def test_what_it_did_not_write_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kamailio.json"
    file.write_text(text)
    with pytest.raises(OSError, match="not what the edge writes"):
        read_kamailio(file)
