"""U4: the schema of a real PostgreSQL is changed while orders go on: the naive way is stopped, the careful way goes through."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from typing import TYPE_CHECKING, Any

from rich.console import Console

from focusplane.demo.record import Record
from focusplane.demo.small.postgres import connect, postgres
from focusplane.demo.small.scene import SmallScene
from focusplane.demo.small.stage import SmallStage
from focusplane.demo.small.visitors import Got, Visit, Visitors
from focusplane.demo.stage import Doors

if TYPE_CHECKING:
    import psycopg

CANARIES = ("acme", "globex")
REST = ("hooli", "initech", "stark", "umbrella", "wayne", "wonka")
TENANTS = (*CANARIES, *REST)
ROWS = 20_000
RATE = 80.0
BASELINE_S = 6.0
FLAG = "write-cents"
MIGRATED_WITHIN_S = 60.0
STOPPED_WITHIN_S = 10.0
CALM_WITHIN_S = 40.0
FROZEN_S = 2.0
REPORT_S = 5.0
REFUSED = 4
_WAIT = re.compile(r"the longest wait for a lock was (\d+) ms")


def plot(stage: SmallStage, record: Record, console: Console) -> Doors:
    """Naively, with harm to one tenant at a time; then expand, move, contract."""
    url = stage.stays.enter_context(postgres(stage.processes))
    database = stage.stays.enter_context(connect(url))
    _tables(database)
    doors = stage.start_plane()
    service = stage.start("order-service", "--database", url)
    stage.stays.callback(stage.stop, "order-service")
    customers = stage.stays.enter_context(Visitors(service, RATE, order))
    with SmallScene(stage, doors, record, console) as scene:
        scene.act(f"Customers of {len(TENANTS)} tenants place orders; each tenant has a schema of its own")
        scene.rest(BASELINE_S)
        play = Migrating(stage, scene, doors, url)
        naive(play, database, customers)
        careful(play, database, customers)
    return doors


def order(chance: Random) -> Visit:
    return Visit("/orders", {"cents": chance.randrange(100, 90_000)}, tenant=chance.choice(TENANTS))


During = Callable[[Callable[[], bool]], None]
"""Is told how to see whether it still runs."""


class Migrating:
    """`focus migrate` as a person would type it."""

    def __init__(self, stage: SmallStage, scene: SmallScene, doors: Doors, url: str) -> None:
        self.scene = scene
        self._stage = stage
        self._url = url
        self._brake = f"{doors.api}/api/v1/throttle/{stage.focus}"
        self._env = {"FOCUS_SERVER": doors.api, "FOCUS_TOKEN": doors.token, "BRAKE_TOKEN": doors.token}
        self._number = 0
        self.longest_ms = 0

    def run(
        self, verb: str, step: str, tenants: Sequence[str], *options: str, during: During | None = None
    ) -> int:
        """Its exit status; `during` is done while it runs."""
        self._number += 1
        tool = [sys.executable, str(self._stage.example / "migrate.py")]
        reach = ["--database", self._url]
        back = " ".join([*tool, "undo", *reach, *tenants])
        undo = [] if verb == "complete" else ["--undo", back]
        one = ["--tenant", tenants[0]] if len(tenants) == 1 else []
        words = ["migrate", verb, self._stage.focus, *undo, *one, "--watch", "1s", *options, "--"]
        words += [*tool, step, *reach, *(["--brake", self._brake] if step == "expand" else []), *tenants]
        argv = [sys.executable, "-m", "focusplane", *words]
        child = self._stage.processes.start(f"migrate-{self._number}", argv, {**os.environ, **self._env})
        if during is not None:
            during(lambda: child.alive)
        self.scene.until(lambda: not child.alive, MIGRATED_WITHIN_S)
        if child.alive:
            self._stage.processes.stop([child])
        said = next((one for one in reversed(child.last_words().splitlines()) if one[:5] != "hint "), "")
        if found := _WAIT.search(said):
            self.longest_ms = max(self.longest_ms, int(found[1]))
        self.scene.say(f"{', '.join(tenants)}: {said.replace(sys.executable, 'python')[:200]}")
        return int(child.popen.wait())

    def locks(self, limit: str) -> Sequence[str]:
        return ("--database", self._url, "--lock-limit", limit)

    @contextmanager
    def report(self, tenant: str) -> Iterator[None]:
        """Somebody reads that table in a transaction that stays open, as reports do."""
        with connect(self._url) as reader:
            reader.execute("BEGIN")
            reader.execute(f"SELECT count(*) FROM {tenant}.orders")
            yield
            reader.execute("COMMIT")


def naive(play: Migrating, database: "psycopg.Connection[Any]", customers: Visitors) -> None:
    """One ALTER TABLE, behind a report: all orders of that tenant queue behind it."""
    scene, since = play.scene, play.scene.now()
    scene.act(
        "The naive migration is tried on acme, while a long report reads its table: orders hang behind it"
    )
    with play.report("acme"):
        status = play.run("start", "naive", ["acme"], *play.locks("500ms"))
    hung("acme", "by the locks that others waited for", scene, status, customers.got(since))
    scene.act("It is tried on globex without a look at the locks: the failures of that tenant give it away")
    between = scene.now()
    with play.report("globex"):
        status = play.run("start", "naive", ["globex"])
    hung("globex", "by its failures", scene, status, customers.got(between))
    others = [one for one in customers.got(since) if one.failed and one.visit.tenant not in CANARIES]
    scene.promise(
        "nobody but the canary tenants was hurt", not others, f"{len(others)} failed orders of others"
    )
    kinds = {_type(database, tenant, "total") for tenant in TENANTS}
    scene.promise("the tables are as they were", kinds == {"numeric"}, ", ".join(sorted(kinds)))


def hung(tenant: str, how: str, scene: SmallScene, status: int, got: Sequence[Got]) -> None:
    """That it was stopped, and how long orders hung."""
    slow = [one for one in got if one.visit.tenant == tenant and (one.failed or one.end - one.start > 400)]
    span = (max(one.end for one in slow) - min(one.start for one in slow)) / 1000 if slow else 0.0
    failed = sum(one.failed for one in slow)
    scene.promise(
        f"the migration of {tenant} is stopped {how}, within {STOPPED_WITHIN_S:g} s of the first order that hung",
        status == REFUSED and bool(slow) and span < STOPPED_WITHIN_S,
        f"exit {status}, {span:.1f} s, {len(slow)} orders hung, {failed} failed",
    )


def careful(play: Migrating, database: "psycopg.Connection[Any]", customers: Visitors) -> None:
    """Expand, move the writing, contract: each for the canary tenants first, then for all."""
    scene = play.scene

    def calm() -> bool:
        return all(scene.plane.brake(tenant)["run"] for tenant in CANARIES)

    scene.promise(
        "once all is well again a migration may begin", scene.until(calm, CALM_WITHIN_S), "the gate"
    )
    since = scene.now()
    scene.act(
        "The careful migration: a column beside the old one, filled in batches, for the canary tenants first"
    )
    done = [braked(play, database), read(play)]
    scene.act("Then for all others")
    done.append(play.run("start", "expand", REST, *play.locks("500ms")))
    wrong = sum(_wrong(database, tenant) for tenant in TENANTS)
    scene.promise("every order of every tenant has both columns", wrong == 0, f"{wrong} rows have not")
    scene.act("The service writes the new column: a flag, for half of the tenants and then for all")
    scene.plane.start_rollout("on", FLAG)
    seen = scene.rollout_over("on", MIGRATED_WITHIN_S)
    scene.promise("the new column is promoted on evidence", seen["phase"] == "promoted", seen["phase"])
    scene.rest(2)
    scene.act("The old column goes, for the canary tenants and then for all")
    done += [play.run("complete", "contract", some, *play.locks("500ms")) for some in (CANARIES, REST)]
    left = [tenant for tenant in TENANTS if _type(database, tenant, "total")]
    scene.promise(
        "every step stands", not any(done) and not left, f"exits {done}, old columns left: {len(left)}"
    )
    got = customers.got(since)
    failed = sum(one.failed for one in got)
    scene.promise("no order failed meanwhile", failed == 0, f"{failed} of {len(got)} orders failed")
    scene.note(
        f"The longest that an order waited for a lock in the careful migration was {play.longest_ms} ms."
    )


def braked(play: Migrating, database: "psycopg.Connection[Any]") -> int:
    """The first canary tenant; in the middle of its backfill the focus is frozen for a while."""
    scene = play.scene
    held: list[int] = []

    def frozen(alive: Callable[[], bool]) -> None:
        scene.until(lambda: not alive() or _filled(database, "acme") > 0, MIGRATED_WITHIN_S)
        scene.say("A big sale begins: the focus is frozen for a moment, and the backfill waits")
        scene.plane.freeze("a big sale")
        scene.rest(0.5)
        before = _filled(database, "acme")
        scene.rest(FROZEN_S)
        held.extend((before, _filled(database, "acme")))
        scene.plane.unfreeze()

    status = play.run("start", "expand", ["acme"], *play.locks("500ms"), during=frozen)
    scene.promise(
        "the backfill waits while the brake is on",
        len(held) == 2 and 0 < held[0] == held[1] < ROWS,
        f"{' and then '.join(map(str, held))} of {ROWS} rows were filled",
    )
    return status


def read(play: Migrating) -> int:
    """The second one, while a report reads its table."""
    play.scene.say("A long report reads the table of globex: the change lets orders by, and tries again")
    with ExitStack() as reading:
        reading.enter_context(play.report("globex"))

        def read_on(_alive: Callable[[], bool]) -> None:
            play.scene.rest(REPORT_S)
            reading.close()

        return play.run("start", "expand", ["globex"], *play.locks("500ms"), during=read_on)


def _tables(database: "psycopg.Connection[Any]") -> None:
    for tenant in TENANTS:
        database.execute(
            f"CREATE SCHEMA {tenant}; CREATE TABLE {tenant}.orders (id bigserial PRIMARY KEY, total numeric(12,2),"
            f" at timestamptz NOT NULL DEFAULT now());"
            f" INSERT INTO {tenant}.orders (total) SELECT (n % 90000) / 100.0 FROM generate_series(1, {ROWS}) n"
        )


def _type(database: "psycopg.Connection[Any]", tenant: str, column: str) -> str:
    """What the column holds; empty if there is none."""
    query = "SELECT data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = 'orders' AND column_name = %s"
    row = database.execute(query, (tenant, column)).fetchone()
    return str(row[0]) if row else ""


def _filled(database: "psycopg.Connection[Any]", tenant: str) -> int:
    """How many of the rows that were there before have the new column filled."""
    if not _type(database, tenant, "cents"):
        return 0
    return _count(database, f"SELECT count(cents) FROM {tenant}.orders WHERE id <= {ROWS}")


def _wrong(database: "psycopg.Connection[Any]", tenant: str) -> int:
    if not _type(database, tenant, "cents"):
        return ROWS
    return _count(database, f"SELECT count(*) FROM {tenant}.orders WHERE cents IS DISTINCT FROM total * 100")


def _count(database: "psycopg.Connection[Any]", query: str) -> int:
    row = database.execute(query).fetchone()
    return int(row[0]) if row else 0
