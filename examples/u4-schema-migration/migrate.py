"""The migration: money moves from `total` (euros, numeric) to `cents` (bigint), for the schemas that are named.

naive     one ALTER TABLE that rewrites the table under an exclusive lock
expand    a new column beside the old one, both kept alike by a trigger; old rows are filled in batches, braked by the plane
contract  the old column goes
undo      the way back from `expand`, and from `naive`, of which nothing is left once it was stopped
"""

import argparse
import os
import time
import urllib.error
import urllib.request

import psycopg
from psycopg import sql

LOCK_MS = 150
"""So long a change waits for its lock, and others behind it; then it lets them by and tries again."""
TRIES = 200
PAUSE_S = 0.3
BATCH = 500
GONE_SOON = "-c client_connection_check_interval=500"
"""The server looks after its client that often: the change of a tool that was killed does not go on waiting for its lock, to be
made once nobody watches."""
BRAKE_EVERY_S = 0.2
REST_S = 0.02

NAIVE = "ALTER TABLE {t}.orders ALTER COLUMN total TYPE bigint USING (total * 100)::bigint"
ADD = """
ALTER TABLE {t}.orders ADD COLUMN IF NOT EXISTS cents bigint;
CREATE OR REPLACE FUNCTION {t}.alike() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.cents := coalesce(NEW.cents, (NEW.total * 100)::bigint);
  NEW.total := coalesce(NEW.total, NEW.cents / 100.0);
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER alike BEFORE INSERT OR UPDATE ON {t}.orders FOR EACH ROW EXECUTE FUNCTION {t}.alike();
"""
FILL = """
UPDATE {t}.orders SET cents = (total * 100)::bigint WHERE id IN (
  SELECT id FROM {t}.orders WHERE cents IS NULL ORDER BY id LIMIT {batch} FOR UPDATE SKIP LOCKED)
"""
DROP_OLD = "DROP TRIGGER IF EXISTS alike ON {t}.orders; ALTER TABLE {t}.orders DROP COLUMN IF EXISTS total"
UNDO = "DROP TRIGGER IF EXISTS alike ON {t}.orders; ALTER TABLE {t}.orders DROP COLUMN IF EXISTS cents"


def quickly(connection: "psycopg.Connection[tuple[object, ...]]", text: str, tenant: str) -> None:
    """A change that needs an exclusive lock: it never makes anybody wait long. Raises `SystemExit` if it never gets it."""
    for number in range(1, TRIES + 1):
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
                connection.execute(sql.SQL(text).format(t=sql.Identifier(tenant)))
        except psycopg.errors.LockNotAvailable:
            time.sleep(PAUSE_S)
        else:
            print(f"{tenant}: the table was changed, try {number}", flush=True)
            return
    raise SystemExit(f"{tenant}: the lock could not be had in {TRIES} tries")


def backfill(connection: "psycopg.Connection[tuple[object, ...]]", tenant: str, brake: str) -> None:
    """Batch by batch, each a transaction of its own; between two it asks whether it may go on."""
    query = sql.SQL(FILL).format(t=sql.Identifier(tenant), batch=sql.Literal(BATCH))
    waited = 0
    while True:
        while not may_run(brake):
            waited += 1
            time.sleep(BRAKE_EVERY_S)
        if not connection.execute(query).rowcount:
            print(f"{tenant}: every row is filled; the brake held it {waited} times", flush=True)
            return
        time.sleep(REST_S)


def expanded(connection: "psycopg.Connection[tuple[object, ...]]", tenant: str) -> bool:
    """Whether the new column stands; a look that takes no lock, for a way back must not wait for whoever reads."""
    query = (
        "SELECT FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'cents' AND NOT attisdropped"
    )
    return connection.execute(query, (f"{tenant}.orders",)).fetchone() is not None


def may_run(brake: str) -> bool:
    """What the plane says; no answer is a no."""
    asked = urllib.request.Request(brake, headers={"authorization": f"Bearer {os.environ['BRAKE_TOKEN']}"})
    try:
        with urllib.request.urlopen(asked, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("naive", "expand", "contract", "undo"))
    parser.add_argument("--database", required=True)
    parser.add_argument("--brake", default="", help="the plane's /api/v1/throttle/FOCUS, for `expand`")
    parser.add_argument("tenant", nargs="+")
    said = parser.parse_args()
    with psycopg.connect(said.database, autocommit=True, options=GONE_SOON) as connection:
        for tenant in said.tenant:
            if said.step == "naive":
                connection.execute(sql.SQL(NAIVE).format(t=sql.Identifier(tenant)))
            elif said.step == "expand":
                quickly(connection, ADD, tenant)
                backfill(connection, tenant, said.brake)
            elif said.step == "undo" and not expanded(connection, tenant):
                print(f"{tenant}: there is nothing to take back", flush=True)
            else:
                quickly(connection, DROP_OLD if said.step == "contract" else UNDO, tenant)


if __name__ == "__main__":
    main()
