"""Load generator: real HTTP at a Poisson rate that waits for nobody; writes what its users saw, a line an attempt."""

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from focusplane.demo.connection import Answer, Pool, post
from focusplane.demo.loadlog import Hit, to_line
from focusplane.demo.orders import Mix, Order, orders
from focusplane.wire.clock import SystemClock

RESEND_AFTER_S = 0.05
MOST_IN_FLIGHT = 1_000
FLUSH_EVERY_S = 0.2


def request_bytes(order: Order, host: str, resend: bool) -> bytes:
    """The whole HTTP/1.1 request of an order; a resend keeps its idempotency key."""
    wanted = {"basket": f"basket-{order.number}", "card": {"kind": order.card}, "amount": order.amount}
    headers = {"x-tenant": order.tenant, "idempotency-key": order.key}
    if order.synthetic:
        headers["x-focus-synthetic"] = "true"
    if resend:
        headers["x-focus-resend"] = "1"
    return post(host, "/checkout", json.dumps(wanted).encode(), headers)


class Load:
    """Sends the orders of a mix to one address until it is told to stop."""

    def __init__(self, host: str, port: int, log: BinaryIO, mix: Mix) -> None:
        self._pool = Pool(host, port)
        self._host = f"{host}:{port}"
        self._log = log
        self._mix = mix
        self._clock = SystemClock()
        self._flights: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Open loop: an order leaves at its time, however slow the answers are."""
        flusher = asyncio.create_task(self._flush())
        loop = asyncio.get_running_loop()
        due = loop.time()
        for order in orders(self._mix):
            due += order.gap_s
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            if stop.is_set():
                break
            self._launch(order)
        await asyncio.gather(*self._flights)
        flusher.cancel()
        self._pool.close()
        self._log.flush()

    def _launch(self, order: Order) -> None:
        if len(self._flights) >= MOST_IN_FLIGHT:
            self._write(order, self._clock.now_ms(), False, "not sent: too many in flight")
            return
        flight = asyncio.create_task(self._fly(order))
        self._flights.add(flight)
        flight.add_done_callback(self._flights.discard)

    async def _fly(self, order: Order) -> None:
        if await self._attempt(order, resend=False):
            return
        await asyncio.sleep(RESEND_AFTER_S)
        await self._attempt(order, resend=True)

    async def _attempt(self, order: Order, resend: bool) -> bool:
        """True if the user got an answer that is not a failure."""
        start = self._clock.now_ms()
        try:
            answer = await self._pool.send(request_bytes(order, self._host, resend))
        except TimeoutError:
            self._write(order, start, resend, "timeout")
            return False
        except OSError as failure:
            self._write(order, start, resend, type(failure).__name__)
            return False
        self._write(order, start, resend, answer)
        return answer.status < 500

    def _write(self, order: Order, start: int, resend: bool, outcome: Answer | str) -> None:
        """A text instead of an answer is why there is none."""
        hit = Hit(
            start=start,
            end=self._clock.now_ms(),
            tenant=order.tenant,
            key=order.key,
            card=order.card,
            synthetic=order.synthetic,
            resend=resend,
            error=outcome if isinstance(outcome, str) else "",
        )
        if not isinstance(outcome, str):
            version = outcome.headers.get("x-focus-version", "")
            local = outcome.headers.get("x-focus-local", "")
            hit = msgspec.structs.replace(hit, status=outcome.status, version=version, local=local)
        self._log.write(to_line(hit))

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            self._log.flush()


async def _main(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    mix = Mix(arguments.rate, arguments.tenants, arguments.synthetic, arguments.seed)
    with arguments.log.open("ab") as log:
        await Load(arguments.host, arguments.port, log, mix).run(stop)


def main(argv: Sequence[str] | None = None) -> None:
    usual = Mix()
    parser = argparse.ArgumentParser(prog="focusplane.demo.load", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True, help="where to append a JSON line an attempt")
    parser.add_argument("--rate", type=float, default=usual.rate, help="orders a second")
    parser.add_argument("--tenants", type=int, default=usual.tenants)
    parser.add_argument("--synthetic", type=float, default=usual.synthetic, help="share of marked probes")
    parser.add_argument("--seed", type=int, default=usual.seed)
    asyncio.run(_main(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
