"""What a file's problem is called."""

from pathlib import Path

import pytest
import typer

from trunkward.cli.changing import read_config
from trunkward.cli.said import in_words


def test_a_problem_has_a_name_and_words_and_no_number(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        (tmp_path / "none").read_text()
    assert in_words(missing.value) == f"{tmp_path}/none: no such file or directory"
    with pytest.raises(IsADirectoryError) as directory:
        tmp_path.read_text()
    assert in_words(directory.value) == f"{tmp_path}: is a directory; name a file"
    assert in_words(OSError("it is gone")) == "it is gone"


def test_a_node_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "node.yaml"
    file.write_bytes(b"node:\xbe\n")
    with pytest.raises(typer.Exit):
        read_config(file)
    assert capsys.readouterr().err == f"{file}: cannot be read: not text in UTF-8: byte 5 is 0xbe\n"
    with pytest.raises(typer.Exit):
        read_config(tmp_path)
    assert capsys.readouterr().err == f"cannot be read: {tmp_path}: is a directory; name a file\n"
