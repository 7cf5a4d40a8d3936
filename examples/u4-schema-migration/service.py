"""The order service: each tenant has a schema of its own in one PostgreSQL, and an order is one row in it."""

import argparse
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg import sql

from focusplane.sdk import Client

PATIENCE_MS = 1_000
"""So long a customer waits for the database; then the order has failed."""
LOCKED_S = 0.4
"""An insert that took longer than this has waited for a lock: by itself it takes a millisecond."""
INSERT = "INSERT INTO {}.orders ({}) VALUES (%s) RETURNING id"


class Database:
    """A connection a thread, for the server has a bounded number of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._own = threading.local()

    def insert(self, tenant: str, column: str, value: object) -> int:
        """The number of the new order. Raises `psycopg.Error` when the database does not take it in time."""
        connection = getattr(self._own, "connection", None)
        if connection is None or connection.closed:
            limit = f"-c statement_timeout={PATIENCE_MS}"
            connection = psycopg.connect(
                self._url, autocommit=True, options=limit, application_name="order-service"
            )
            self._own.connection = connection
        query = sql.SQL(INSERT).format(sql.Identifier(tenant), sql.Identifier(column))
        return int(connection.execute(query, (value,)).fetchone()[0])


def application(shop: Client, database: Database) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.post("/orders", response_model=None)
    def order(wanted: dict[str, Any], request: Request) -> dict[str, Any] | JSONResponse:
        cents = int(wanted["cents"])
        tenant = request.headers["x-tenant"]
        here = shop.current()
        new = shop.flag("write-cents", request)
        column, value = ("cents", cents) if new else ("total", f"{cents // 100}.{cents % 100:02}")
        began = time.monotonic()
        try:
            number = database.insert(tenant, column, value)
        except psycopg.Error as error:
            return JSONResponse({"error": type(error).__name__}, 503)
        finally:
            if here is not None:
                waited = time.monotonic() - began > LOCKED_S
                here.mark({"db.lock": "waited" if waited else "no"})
        return {"order": number, "column": column}

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    app.add_middleware(shop.asgi)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("plane", "otlp", "database"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    for name in ("token-file", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    said = parser.parse_args()
    shop = Client(
        said.plane,
        said.token_file.read_text(),
        service="order-service",
        otlp=said.otlp,
        cache_dir=said.cache,
    )
    app = application(shop, Database(said.database))
    uvicorn.run(app, port=said.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
