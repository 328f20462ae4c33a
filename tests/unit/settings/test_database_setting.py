"""The one setting that names a database: read whole or refused with what to write, and never with a secret."""

from pathlib import Path

import pytest

from trunkward.settings import Paths, SettingsRefused, read_database


@pytest.mark.parametrize("text", ["", "sqlite\n", "# the usual\n\nsqlite"])
def test_sqlite_is_what_there_is_without_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "database"
    assert read_database(file) == ("", False)
    file.write_text(text)
    assert read_database(file) == ("", False)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///trunkward?host=/run/postgresql",
        "postgresql://trunkward@db.example.com:5432/trunkward?sslmode=verify-full&passfile=/etc/trunkward/pgpass",
    ],
)
def test_a_postgresql_by_its_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    (tmp_path / "database").write_text(f"# ours\n{url}\n")
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    paths = Paths.from_environment()
    assert paths.records_url == paths.configuration_url == url


def test_several_nodes_have_their_records_in_one_and_each_its_own_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql:///trunkward?host=/run/postgresql"
    (tmp_path / "database").write_text(f"records-only {url}\n")
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    paths = Paths.from_environment()
    assert paths.records_url == paths.database == url
    assert paths.configuration_url == f"sqlite:///{tmp_path}/state/config/config.db"
    assert not paths.configuration_shared


def test_without_it_each_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    paths = Paths.from_environment()
    assert paths.records_url == f"sqlite:///{tmp_path}/state/db/records.db"
    assert paths.configuration_url == f"sqlite:///{tmp_path}/state/config/config.db"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("records-only sqlite", "write sqlite, or one URL"),
        ("records postgresql://a/b", "write sqlite, or one URL"),
        ("records-only postgresql://me:secret@db.example.com/trunkward", "no password in it"),
        ("mysql://a/b", "write sqlite, or one URL"),
        ("postgresql://a/b\npostgresql://c/d", "write sqlite, or one URL"),
        ("postgresql://db.example.com", "names no database"),
        ("postgresql://a b/c", "write sqlite, or one URL"),
        ("postgresql://me:secret@db.example.com/trunkward", "no password in it"),
        ("postgresql://db.example.com/trunkward?password=secret", "no password in it"),
        ("postgresql://db.example.com/trunkward?sslmode=require&PassWord=secret", "no password in it"),
        ("postgresql://[::1/trunkward", "write sqlite, or one URL"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "database"
    file.write_text(text)
    with pytest.raises(SettingsRefused, match=said) as refused:
        read_database(file)
    assert "secret" not in str(refused.value)
