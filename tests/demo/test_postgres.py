from pathlib import Path

import pytest

from focusplane.demo.small.postgres import as_another, program
from focusplane.kernel.errors import UnreachableError


def test_the_newest_server_of_debian_is_found_where_no_path_leads(tmp_path: Path) -> None:
    for version in ("9.6", "15", "17"):
        place = tmp_path / version / "bin"
        place.mkdir(parents=True)
        (place / "initdb").touch()
    assert program("initdb", tmp_path, lambda _: None) == str(tmp_path / "17/bin/initdb")
    assert program("initdb", tmp_path, lambda name: f"/usr/bin/{name}") == "/usr/bin/initdb"


def test_without_a_server_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError) as error:
        program("initdb", tmp_path, lambda _: None)
    assert (error.value.exit_status, error.value.hint) == (3, "apt-get install postgresql")


def test_root_runs_it_as_somebody_else() -> None:
    accounts = {"nobody": (65534, 65533), "postgres": (104, 106)}
    assert as_another(1000, accounts) == ()
    assert as_another(0, accounts)[3:5] == ("--reuid=104", "--regid=106")
    assert as_another(0, {"nobody": (65534, 65533)})[3:5] == ("--reuid=65534", "--regid=65533")
    with pytest.raises(UnreachableError):
        as_another(0, {})
