"""Payment service provider of the demo: an outside company that authorises cards, in a process of its own."""

import argparse
import asyncio
import random
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

LATENCY_S = (0.005, 0.015)


def application(rare: float, seed: int) -> Starlette:
    """`rare` is the share of charges that it refuses with 503, whoever asks."""
    chance = random.Random(seed)

    async def charge(request: Request) -> Response:
        wanted = await request.json()
        await asyncio.sleep(chance.uniform(*LATENCY_S))
        if chance.random() < rare:
            return JSONResponse({"error": "busy, try again"}, 503)
        if problem := rejection(wanted):
            return JSONResponse({"error": problem}, 422)
        return JSONResponse({"authorisation": f"{chance.getrandbits(48):012x}"})

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/charges", charge, methods=["POST"]), Route("/healthz", healthz)])


def rejection(wanted: object) -> str:
    """Why a charge is malformed; empty if it is not. American Express wants a four-digit `cid` instead of a `cvc`."""
    card = wanted.get("card") if isinstance(wanted, dict) else None
    if not isinstance(card, dict):
        return "card is missing"
    field, digits = ("cid", 4) if card.get("kind") == "amex" else ("cvc", 3)
    code = card.get(field)
    if not isinstance(code, str) or len(code) != digits:
        return f"card.{field} must have {digits} digits"
    return ""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="focusplane.demo.provider", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rare", type=float, default=0.001, help="share of charges refused with 503")
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args(argv)
    uvicorn.run(
        application(arguments.rare, arguments.seed),
        port=arguments.port,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=3600,
    )


if __name__ == "__main__":
    main()
