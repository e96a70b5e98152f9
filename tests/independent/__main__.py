"""Rewrites the committed counts of the recorded rows."""

import sys

import pytest

from tests.independent.recorded import recorded_observatory, write_expected
from tests.support import recorded_dir


def main() -> None:
    try:
        write_expected(recorded_observatory(recorded_dir()))
    except pytest.skip.Exception as absent:
        sys.exit(str(absent))


if __name__ == "__main__":
    main()
