"""The pictures of `make screenshots` lie in docs/images, are small, and each is shown by the README."""

import struct

import pytest

from tests.browser.screenshots import IMAGES
from tests.hubscape import PROJECT

NAMES = (
    "derivatives_recorded",
    "dagster_graph",
    "dagster_check",
    "dbt_docs",
    "dbt_lineage",
    "report_light",
    "report_dark",
    "report_390",
)
LARGEST_BYTES = 300 * 1024


def test_no_other_picture_lies_there():
    assert {path.name for path in IMAGES.iterdir()} == {f"{name}.png" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_a_small_png_that_the_readme_shows(name):
    content = (IMAGES / f"{name}.png").read_bytes()

    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, _ = struct.unpack(">II", content[16:24])
    assert width == 390 if name.endswith("390") else width >= 1024
    assert len(content) < LARGEST_BYTES
    assert f"(docs/images/{name}.png)" in (PROJECT / "README.md").read_text()
