import sys
from pathlib import Path

import pytest

from focusplane.demo.processes import Processes, wait_until
from focusplane.demo.small.postgres import as_another, connect, postgres, program
from focusplane.demo.small.stage import EXAMPLES
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


@pytest.mark.requires_server("initdb", "apt-get install postgresql")
def test_a_change_whose_tool_was_killed_is_not_made_once_its_lock_is_free(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, postgres(processes) as url, connect(url) as database:
        database.execute("CREATE SCHEMA acme; CREATE TABLE acme.orders (total numeric)")
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with connect(url) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM acme.orders")
            tool = [sys.executable, str(EXAMPLES / "u4-schema-migration/migrate.py"), "naive"]
            child = processes.start("tool", [*tool, "--database", url, "acme"])
            wait_until(lambda: bool(database.execute(waiting).fetchall()), child, 60.0)
            processes.kill(child)
            gone = "SELECT FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE%'"
            keeps = processes.start("clock", ["sleep", "60"])
            wait_until(lambda: not database.execute(gone).fetchall(), keeps, 60.0)
            reader.execute("COMMIT")
        kind = "SELECT data_type FROM information_schema.columns WHERE table_schema = 'acme' AND column_name = 'total'"
        assert database.execute(kind).fetchall() == [("numeric",)]
