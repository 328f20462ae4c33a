import pytest

from trunkward.calltest.parties import LabShaken
from unit.calltest.tokens import make_authority


@pytest.fixture(scope="session")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> LabShaken:
    return make_authority(tmp_path_factory.mktemp("pki"))
