"""Predicts which offer somebody wants: one flag says by which model, and each request says how right and how dear it was."""

import argparse
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from focusplane.sdk import Client

OTHER = {"coffee": "tea", "tea": "coffee"}


@dataclass(frozen=True, slots=True)
class Model:
    """How often it is wrong, how often a right offer is sold, and what one prediction costs."""

    wrong: float
    sold: float
    cost: float


MODELS = {
    "m1": Model(0.08, 0.40, 0.010),
    "m2": Model(0.35, 0.40, 0.010),
    "m3": Model(0.05, 0.44, 0.035),
    "m4": Model(0.04, 0.46, 0.006),
}


def application(shop: Client) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.post("/predict")
    def predict(asked: dict[str, Any], request: Request) -> dict[str, Any]:
        name = str(shop.flag("model", request, "m1"))
        model, label = MODELS[name], str(asked["label"])
        offered = OTHER[label] if random.random() < model.wrong else label
        sold = offered == label and random.random() < model.sold
        here = shop.current()
        if here is not None:
            here.mark({"model.right": offered == label, "offer.sold": sold, "focus.cost": model.cost})
        return {"model": name, "offered": offered, "sold": sold}

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
        said.plane, said.token_file.read_text(), service="offers", otlp=said.otlp, cache_dir=said.cache
    )
    uvicorn.run(application(shop), port=said.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
