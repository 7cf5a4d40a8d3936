"""The backend of a search: one flag says which ranking sorts the results, and each search says what became of it."""

import argparse
import random
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from focusplane.sdk import Client

CLICKED = {
    "words": {"en": 0.42, "de": 0.41},
    "vectors-1": {"en": 0.46, "de": 0.12},
    "vectors-2": {"en": 0.46, "de": 0.47},
}
"""How often somebody clicks a result, by ranking and language: the first vectors have never seen a German compound."""

NOTHING = {"words": 0.03, "vectors-1": 0.01, "vectors-2": 0.01}
"""How often a search finds nothing at all."""


def application(shop: Client) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.post("/search")
    def search(wanted: dict[str, Any], request: Request) -> dict[str, Any]:
        language = str(wanted["language"])
        ranking = str(shop.flag("ranking", request, "words"))
        found = random.random() >= NOTHING[ranking]
        clicked = found and random.random() < CLICKED[ranking][language]
        here = shop.current()
        if here is not None:
            here.mark({"search.language": language, "search.found": found, "search.clicked": clicked})
        return {"ranking": ranking, "found": found, "clicked": clicked}

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
    for name in ("token-file", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    said = parser.parse_args()
    shop = Client(
        said.plane, said.token_file.read_text(), service="search", otlp=said.otlp, cache_dir=said.cache
    )
    uvicorn.run(application(shop), port=said.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
