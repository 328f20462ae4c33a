"""The fail posture that people read is the one in the code."""

from collections.abc import Callable

from trunkward.admission.posture import POSTURE, Calls, as_markdown, effect
from trunkward.engines.kamailio import GATE_DEADLINE_MS, MEDIA_DEADLINE_MS


def test_the_page_shows_the_table_word_for_word(page: Callable[[str], str]) -> None:
    assert as_markdown() in page("docs/posture.md")


def test_the_page_explains_every_row(page: Callable[[str], str]) -> None:
    text = page("docs/posture.md")
    missing = [row.lost.value for row in POSTURE if f"### {row.lost.value}\n" not in text]
    assert not missing


def test_the_table_has_every_cell() -> None:
    assert all(effect(row.lost, calls) for row in POSTURE for calls in Calls)


def test_the_page_names_the_deadlines_in_force(page: Callable[[str], str]) -> None:
    text = page("docs/posture.md")
    assert f"{GATE_DEADLINE_MS} ms" in text
    assert f"{MEDIA_DEADLINE_MS} ms" in text
