"""The checkout of one region: a flag says by which provider it pays. Started once for each region."""

import argparse
import random
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

from focusplane.sdk import Client

FAILING = 0.8
"""So often a provider fails that is down."""


def application(shop: Client, down: Path, region: str) -> FastAPI:
    """`down` is a file with a line `PROVIDER REGION` for each provider that is down somewhere."""
    app = FastAPI(openapi_url=None)

    @app.post("/pay")
    def pay(order: dict[str, Any], request: Request, response: Response) -> dict[str, Any]:
        provider = str(shop.flag("provider", request, "alpha-pay"))
        broken = f"{provider} {region}" in down.read_text().splitlines()
        if broken and random.random() < FAILING:
            response.status_code = 503
        return {"provider": provider, "paid": response.status_code != 503}

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    app.add_middleware(shop.asgi)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("plane", "otlp", "region"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    for name in ("token-file", "cache", "down"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    said = parser.parse_args()
    shop = Client(
        said.plane,
        said.token_file.read_text(),
        service=f"checkout-{said.region}",
        otlp=said.otlp,
        cache_dir=said.cache / said.region,
    )
    app = application(shop, said.down, said.region)
    uvicorn.run(app, port=said.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
