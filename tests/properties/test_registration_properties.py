"""The order of registrations: whatever arrives late or twice, the one that was sent last holds."""

from hypothesis import given
from hypothesis import strategies as st

from trunkward.admission.registration import Refused, changed, read_registration
from trunkward.calls.registration import Bindings
from trunkward.control.node_file import read_node_file
from unit.admission.conftest import EXAMPLE, PBX
from unit.admission.registrations import NOW, peer, register, registering

POLICY = registering(read_node_file(EXAMPLE.read_text(), "examples/node.yaml"), certificate_sha256=PBX)


def _arrive(bindings: Bindings, cseq: int, expires_s: int, at: float) -> Bindings:
    attempt = register(f"<sip:a@10.0.0.7>;expires={expires_s}", cseq=cseq, flow=f"flow{cseq}")
    try:
        return changed(read_registration(attempt, peer(), POLICY), bindings, at)
    except Refused:
        return bindings


@given(st.permutations([1, 2, 3, 4, 5]), st.lists(st.integers(0, 4), max_size=5))
def test_the_last_one_sent_holds_in_whatever_order_they_arrive(order: list[int], again: list[int]) -> None:
    bindings, serials = Bindings(), [0]
    for second, cseq in enumerate([*order, *(order[at] for at in again)]):
        bindings = _arrive(bindings, cseq, 600, NOW + second)
        serials.append(bindings.serial)
        assert [one.cseq for one in bindings.bindings] == [max(order[: second + 1])]
    assert serials == sorted(serials)


@given(
    st.lists(st.tuples(st.integers(1, 20), st.sampled_from([0, 60, 600]), st.integers(0, 100)), max_size=20)
)
def test_nothing_is_bound_twice_or_beyond_its_time(sent: list[tuple[int, int, int]]) -> None:
    bindings, now = Bindings(), NOW
    for cseq, expires_s, pause_s in sent:
        now += pause_s
        bindings = _arrive(bindings, cseq, expires_s, now)
        keys = [one.key for one in bindings.bindings]
        assert len(keys) == len(set(keys))
