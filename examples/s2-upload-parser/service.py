"""The gateway before the function: starts processes of it on demand, one upload at a time each, and ends idle ones."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from focusplane.sdk import Client

FUNCTION = Path(__file__).with_name("function.py")
PRICE = 1.0
"""Of a second of execution."""
MOST = 16
"""Processes at a time; who comes then waits for one."""
IDLE_S = 3.0
PATIENCE_S = 8.0


class Functions:
    """The processes by parser: those that are idle, with the time since when."""

    def __init__(self) -> None:
        self._idle: dict[str, list[tuple[float, asyncio.subprocess.Process]]] = {}
        self._room = asyncio.Semaphore(MOST)

    async def call(self, parser: str, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The answer, and whether a process had to be started for it."""
        async with self._room:
            idle = self._idle.setdefault(parser, [])
            cold = not idle
            process = await _start(parser) if cold else idle.pop()[1]
            try:
                answer = await asyncio.wait_for(_ask(process, body), PATIENCE_S)
            except BaseException:
                with suppress(ProcessLookupError):
                    process.kill()
                raise
            idle.append((time.monotonic(), process))
            return answer, cold

    async def tidy(self) -> None:
        """Ends what was idle for a while."""
        while True:
            await asyncio.sleep(0.5)
            old = time.monotonic() - IDLE_S
            for idle in list(self._idle.values()):
                over = [process for since, process in idle if since < old]
                idle[:] = [one for one in idle if one[0] >= old]
                await asyncio.gather(*map(_end, over))

    async def close(self) -> None:
        await asyncio.gather(*(_end(process) for idle in self._idle.values() for _, process in idle))


async def _start(parser: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(FUNCTION), parser, stdin=pipe, stdout=pipe
    )


async def _ask(process: asyncio.subprocess.Process, body: dict[str, Any]) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise OSError("the process has no pipes")
    process.stdin.write(json.dumps(body).encode() + b"\n")
    await process.stdin.drain()
    found: dict[str, Any] = json.loads(await process.stdout.readline())
    return found


async def _end(process: asyncio.subprocess.Process) -> None:
    """Its input ends, and so does it."""
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def application(shop: Client) -> FastAPI:
    functions = Functions()

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        tidying = asyncio.create_task(functions.tidy())
        yield
        tidying.cancel()
        await functions.close()

    app = FastAPI(openapi_url=None, lifespan=life)

    @app.post("/upload", response_model=None)
    async def upload(wanted: dict[str, Any], request: Request) -> dict[str, Any] | JSONResponse:
        parser = str(shop.flag("parser", request, "classic"))
        answer, cold = await functions.call(parser, {"kind": wanted["kind"]})
        cost = answer["seconds"] * PRICE
        here = shop.current()
        if here is not None:
            here.mark({"faas.coldstart": "true" if cold else "false", "focus.cost": cost})
        said = {"parser": parser, "cold": cold, "cost": cost, "error": answer["error"]}
        return JSONResponse(said, 500) if answer["error"] else said

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
        said.plane,
        said.token_file.read_text(),
        service="upload-gateway",
        otlp=said.otlp,
        cache_dir=said.cache,
    )
    uvicorn.run(application(shop), port=said.port, access_log=False, log_level="warning", loop="asyncio")


if __name__ == "__main__":
    main()
