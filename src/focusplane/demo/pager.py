"""Pager: what the on-call would get, an HTTP hook in a process of its own that writes each page down, a line each."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


def application(log: Path) -> Starlette:
    async def take(request: Request) -> Response:
        body = await request.body()
        with log.open("ab") as file:
            file.write(body.replace(b"\n", b" ") + b"\n")
        return PlainTextResponse("taken")

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/", take, methods=["POST"]), Route("/healthz", healthz)])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="focusplane.demo.pager", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    arguments = parser.parse_args(argv)
    uvicorn.run(application(arguments.log), port=arguments.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
