"""Pictures of data for Dagster's pages: short, and nothing in them is acted upon."""

import base64
import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.ground.text import legible
from orchestration.metadata import picture, preview


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (-3, "-3"),
        (-0.5, "-0.5"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        ("深度求索 Größe", "深度求索 Größe"),
        ('<script>alert("x")</script>', '?script?alert("x")?/script?'),
        ("[a](javascript:x) ![b](http://c)", "?a?(javascript:x) ??b?(http://c)"),
        ("{{ 7 * 7 }} `rm` | x", "?? 7 ? 7 ?? ?rm? ? x"),
        ("=1+1", "?1+1"),
        ("+1", "?1"),
        ("-1", "?1"),
        ("@all", "?all"),
        ("a\nb\u202ec\x00", "a?b?c?"),
        (["x", "=1"], "x; =1"),
        ({"total": 3, "kinds": ["a"]}, "total: 3, kinds: a"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_value_is_shown_as_text_that_nothing_acts_upon(value, text):
    assert legible(value) == text


def test_a_preview_has_ten_rows_in_the_order_of_the_columns(tmp_path):
    pq.write_table(pa.table({"z": list(range(30)), "a": ["<b>"] * 30}), tmp_path / "part-00000.parquet")
    found = preview(tmp_path)
    assert [record.data for record in found.records] == [{"z": str(n), "a": "?b?"} for n in range(10)]
    assert [column.name for column in found.schema.columns] == ["z", "a"]


def test_a_folder_without_rows_says_none(tmp_path):
    assert preview(tmp_path).records[0].data == {"rows": "none"}


def test_a_picture_carries_its_own_bytes():
    text = picture(b"\x89PNG bytes").md_str
    assert text.startswith("![chart](data:image/png;base64,") and text.endswith(")")
    assert base64.b64decode(text.split("base64,")[1][:-1]) == b"\x89PNG bytes"
