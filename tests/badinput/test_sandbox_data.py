"""A CSV that is not whole starts no sandbox: file, line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import Command


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,domain\nA,a.example\n", "companies.csv:1: the header has no hs_object_id"),
        ("hs_object_id,name,name\n1,A,B\n", "companies.csv:1: name stands twice in the header"),
        ("hs_object_id,name,domain\n1,A\n", "companies.csv:2: 2 values for 3 columns"),
        ('hs_object_id,name\n1,A\n2,"B', "companies.csv:3: unexpected end of data"),
    ],
)
def test_half_a_file_is_told_by_line(text: str, said: str, run: Command, tmp_path: Path) -> None:
    (tmp_path / "companies.csv").write_text(text, encoding="utf-8")
    result = run(None, "sandbox", "hubspot", "--data", str(tmp_path), "--port", "0")
    assert result.code == 1
    assert said in result.err
    assert "Nothing was started." in result.err
