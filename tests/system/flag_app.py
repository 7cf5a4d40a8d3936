"""A service of one process with our SDK and nothing else: it serves what its flag says, and one variant fails each fifth time."""

import argparse

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from focusplane.sdk import Client

FAILS_EACH = 5


def application(shop: Client) -> Starlette:
    served = {"bad": 0}

    async def price(request: Request) -> Response:
        found = shop.evaluate("price", request, default=0)
        served[found.variant] = served.get(found.variant, 0) + 1
        fails = found.variant == "bad" and served["bad"] % FAILS_EACH == 0
        headers = {"x-focus-version": found.variant}
        return PlainTextResponse(f"{found.value}\n", 500 if fails else 200, headers)

    app = Starlette(routes=[Route("/", price)])
    app.add_middleware(shop.asgi)
    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--url", "--otlp", "--token", "--cache"):
        parser.add_argument(name, required=True)
    parser.add_argument("--port", type=int, required=True)
    told = parser.parse_args()
    shop = Client(told.url, told.token, service="store", otlp=told.otlp, cache_dir=told.cache)
    uvicorn.run(application(shop), host="127.0.0.1", port=told.port, log_level="warning")


if __name__ == "__main__":
    main()
