"""A town of real processes for each test; whatever ends the test, nothing it started is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.town import Town

from focusplane.demo.processes import Processes


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Processes(tmp_path / "logs") as processes:
        yield Town(tmp_path, processes)
