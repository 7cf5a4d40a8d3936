"""The backend of a mobile app: it says which player a phone gets, and hears how the session ended."""

import argparse
import random
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from focusplane.sdk import Client

CRASHES = {"classic": 0.002, "rewritten": 0.15, "mended": 0.002}
"""How often a session ends with a crash, by what the player really is."""


def application(shop: Client, build: Path) -> FastAPI:
    """`build` is a file that says which player the flag stands for: `rewritten`, or `mended` after its bug was found."""
    app = FastAPI(openapi_url=None)

    @app.post("/session")
    def session(wanted: dict[str, Any], request: Request) -> dict[str, Any]:
        here = shop.current()
        if here is not None:
            here.mark({"device": str(wanted["device"])})
        new = shop.flag("new-player", request)
        crashed = random.random() < CRASHES[build.read_text().strip() if new else "classic"]
        if here is not None:
            here.mark({"app.crash": "true" if crashed else "false"})
        return {"player": "new" if new else "classic", "crashed": crashed}

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    app.add_middleware(shop.asgi)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("plane", "otlp"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    for name in ("token-file", "cache", "build"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    said = parser.parse_args()
    shop = Client(
        said.plane,
        said.token_file.read_text(),
        service="app-backend",
        otlp=said.otlp,
        cache_dir=said.cache,
    )
    app = application(shop, said.build)
    uvicorn.run(app, port=said.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
