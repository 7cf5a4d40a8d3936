"""Payment service of the demo, one process an instance; the versions differ as real ones do: by a bug, by speed, by a crash."""

import argparse
import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from focusplane.define.controls import Address
from focusplane.demo.connection import Pool, post
from focusplane.demo.ledger import Ledger
from focusplane.sdk import Client

EXIT_OUT_OF_MEMORY = 137


@dataclass(frozen=True, slots=True)
class Build:
    """What distinguishes one version: own work a request, the field for American Express' code, a warm-up that kills it."""

    version: str
    work_s: float
    amex_field: str = "cid"
    dies_after_s: float | None = None
    until: Path | None = None
    """it behaves as v1 does until this file exists: what turns bad later"""

    @property
    def now(self) -> "Build":
        """How it behaves at this moment."""
        if self.until is None or self.until.exists():
            return self
        return replace(BUILDS["v1"], version=self.version)


BUILDS = {
    "v1": Build("v1", work_s=0.010),
    "v2": Build("v2", work_s=0.050, amex_field="cvc"),
    "v3": Build("v3", work_s=0.006),
    "v4": Build("v4", work_s=0.006, dies_after_s=2.0),
}


class Card(BaseModel):
    kind: str


class Checkout(BaseModel):
    basket: str
    card: Card
    amount: int


class Paid(BaseModel):
    payment_id: str


def charge_of(build: Build, wanted: Checkout) -> dict[str, object]:
    """What this version asks of the provider. The bug of v2 is here: it sends the code of every card as `cvc`."""
    amex = wanted.card.kind == "amex"
    field = build.amex_field if amex else "cvc"
    return {
        "amount": wanted.amount,
        "card": {"kind": wanted.card.kind, field: "1234" if amex else "123"},
    }


class Till:
    """Takes a payment once: asks the provider, writes the ledger, answers a repeated key from the ledger."""

    def __init__(self, build: Build, ledger: Ledger, provider: Pool) -> None:
        self._build = build
        self._ledger = ledger
        self._provider = provider

    async def pay(self, key: str, tenant: str, wanted: Checkout) -> str:
        """The payment's id. Raises `HTTPException` 502 when the provider refuses or cannot be reached."""
        if (known := self._ledger.find(key)) is not None:
            return known
        await asyncio.sleep(self._build.now.work_s)
        authorisation = await self._authorise(wanted)
        paid = f"pay_{uuid.uuid4().hex[:16]}"
        return self._ledger.add(
            (key, paid, tenant, wanted.basket, wanted.amount, authorisation, self._build.version)
        )

    async def _authorise(self, wanted: Checkout) -> str:
        body = json.dumps(charge_of(self._build.now, wanted)).encode()
        try:
            answer = await self._provider.send(post("provider", "/charges", body, {}))
        except OSError as error:
            raise HTTPException(502, f"the provider cannot be reached: {error}") from error
        if answer.status != 200:
            raise HTTPException(502, f"the provider says {answer.status}: {answer.body.decode()}")
        return str(json.loads(answer.body)["authorisation"])


def application(build: Build, db: Path, psp: Address) -> FastAPI:
    """The service of one version; `db` is the ledger's file, `psp` the provider."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ledger = Ledger(db)
        warm_up = asyncio.create_task(_warm_up(build))
        provider = Pool(psp.host, psp.port, timeout_s=3.0)
        app.state.till = Till(build, ledger, provider)
        app.state.warm = warm_up
        yield
        warm_up.cancel()
        provider.close()
        ledger.close()

    app = FastAPI(title=f"payment {build.version}", lifespan=lifespan, openapi_url=None)

    @app.post("/checkout")
    async def checkout(
        wanted: Checkout,
        idempotency_key: Annotated[str | None, Header()] = None,
        x_tenant: Annotated[str, Header()] = "",
    ) -> Paid:
        await asyncio.shield(app.state.warm)
        till: Till = app.state.till
        return Paid(payment_id=await till.pay(idempotency_key or uuid.uuid4().hex, x_tenant, wanted))

    @app.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok")

    @app.get("/readyz")
    async def readyz() -> PlainTextResponse:
        return PlainTextResponse("ready")

    return app


async def _warm_up(build: Build) -> None:
    """Fills caches before the first answer. That of v4 needs more memory than there is: the kernel would kill it."""
    if build.dies_after_s is not None:
        await asyncio.sleep(build.dies_after_s)
        os._exit(EXIT_OUT_OF_MEMORY)


def measured(app: FastAPI, arguments: argparse.Namespace) -> FastAPI:
    """The two lines that an application needs: a client, and its middleware."""
    shop = Client(
        arguments.plane,
        token=arguments.token_file.read_text().strip(),
        service="payment",
        version=arguments.version,
        otlp=arguments.otlp,
        cache_dir=arguments.cache,
    )
    app.add_middleware(shop.asgi)
    return app


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="focusplane.demo.payment", description=__doc__)
    parser.add_argument("--version", choices=sorted(BUILDS), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--psp-port", type=int, required=True, help="the provider's port on this machine")
    parser.add_argument("--db", type=Path, required=True, help="the payments database file")
    parser.add_argument("--until", type=Path, help="behave as v1 does until this file exists")
    parser.add_argument("--plane", help="the plane's API; without it the service runs alone")
    parser.add_argument("--token-file", type=Path, help="the token for the plane")
    parser.add_argument("--otlp", help="where telemetry goes")
    parser.add_argument("--cache", type=Path, help="where the last board is kept for when the plane is away")
    arguments = parser.parse_args(argv)
    build = replace(BUILDS[arguments.version], until=arguments.until)
    app = application(build, arguments.db, Address("127.0.0.1", arguments.psp_port))
    uvicorn.run(
        measured(app, arguments) if arguments.plane else app,
        port=arguments.port,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=3600,
    )


if __name__ == "__main__":
    main()
