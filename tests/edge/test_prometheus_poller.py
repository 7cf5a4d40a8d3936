"""An engine that is slow, down, partial, huge, by a wrong clock, or plainly wrong: never good news, and said."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.edge.otlp_world import Recorder, served
from tests.engines import NEEDS_VICTORIA, series, victoria_metrics

from focusplane.define.focus import Focus
from focusplane.define.load import load
from focusplane.demo.processes import Processes
from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.edge.prometheus.poller import Poller
from focusplane.instrument.cumulative import Cumulative
from focusplane.kernel.tick import HOUR, MINUTE, NS_PER_MS, SECOND, Tick
from focusplane.observe.counters import Counters
from focusplane.plane.arrival import Arrival, EngineSaid
from focusplane.plane.world import Seen, World
from focusplane.wire.clock import SystemClock

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {{name: shop}}
spec:
  owner: crew
  source: {{prometheus: {{url: "{url}", every: 15s, timeout: {timeout}, headers: {headers}}}}}
  objectives: [{{name: o, target: 99%, window: 30d, sli: {{prometheus: {sli}}}}}]
---
apiVersion: focusplane/v1
kind: Team
metadata: {{name: crew}}
spec: {{members: [ana@example.org]}}
"""
COUNTS = "{bad: 'errors_total', total: 'requests_total'}"
Answering = Callable[[Request, int], Response]
"""The request and the time that it asks about, in seconds."""


class Plane(Recorder):
    """An intake with a world, that remembers what is put into it."""

    def __init__(self, focus: Focus) -> None:
        super().__init__(focus)
        self.put_in: list[Arrival] = []
        self.world = World(Tick(0, 0), Counters(), Seen())

    def put(self, arrival: Arrival) -> None:
        self.put_in.append(arrival)


def rows(*found: tuple[dict[str, str], list[tuple[float, str]]]) -> dict[str, Any]:
    result = [{"metric": labels, "values": values} for labels, values in found]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def answer_with(found: dict[str, Any], **headers: str) -> Answering:
    return lambda request, at: Response(json.dumps(found), headers=headers, media_type="application/json")


def ask(answering: Answering, rounds: int = 1, sli: str = COUNTS, **engine: str) -> tuple[EngineSaid, Plane]:
    """What the last of so many rounds came to."""

    async def reply(request: Request) -> Response:
        return answering(request, int(float(request.query_params["time"])))

    with served(Starlette(routes=[Route("/api/v1/query", reply)])) as url:
        told = {"url": url, "timeout": "60s", "headers": "{}", **engine}
        loaded = load({"shop.yaml": POLICY.format(sli=sli, **told)})
        assert not loaded.refused, loaded.problems
        focus = loaded.policies.focuses["shop"]
        plane = Plane(focus)

        said = asyncio.run(asyncio.wait_for(rounds_of(focus, plane, rounds), 240))
    return said[-1], plane


def growing(request: Request, at: int) -> Response:
    """A service with 10 requests a second, scraped each 5 s for a minute; its first error came 12 s ago."""
    times = range(at - 60, at + 1, 5)
    labels = {"job": "shop", "instance": "i", "tenant": "acme"}
    if request.query_params["query"].startswith("errors_total"):
        late = [(t, "1") for t in times if t >= at - 12]
        return Response(json.dumps(rows(({"__name__": "errors_total", "code": "500", **labels}, late))))
    whole = [(t, str(t * 10)) for t in times]
    return Response(json.dumps(rows(({"__name__": "requests_total", **labels}, whole))))


def test_trap_04_the_first_error_of_a_series_that_was_not_there_counts() -> None:
    said, plane = ask(growing)
    assert not said.problems
    assert sum(signal.count for signal in plane.signals) == 600
    assert sum(signal.failed for signal in plane.signals) == 1
    assert {signal.slice.tenant for signal in plane.signals if signal.count} == {"acme"}
    assert SystemClock().now_ms() - said.newest < MINUTE


def test_what_is_answered_twice_is_counted_once() -> None:
    fixed = int(SystemClock().now_ms() / SECOND)
    _, plane = ask(lambda request, at: growing(request, fixed), rounds=3)
    assert sum(signal.count for signal in plane.signals) == 600
    assert sum(signal.failed for signal in plane.signals) == 1


def test_trap_16_the_time_that_is_asked_about_is_sent() -> None:
    asked: list[int] = []

    def note(request: Request, at: int) -> Response:
        asked.append(at)
        return growing(request, at)

    ask(note)
    assert len(set(asked)) == 1
    assert abs(asked[0] * SECOND - SystemClock().now_ms()) < MINUTE


def test_trap_03_errors_without_a_series_are_none_and_said_but_a_total_without_one_is_no_data() -> None:
    def no_errors(request: Request, at: int) -> Response:
        if request.query_params["query"].startswith("errors_total"):
            return Response(json.dumps(rows()))
        return growing(request, at)

    said, plane = ask(no_errors)
    assert sum(signal.count for signal in plane.signals) == 600
    assert "no series yet for bad (errors_total)" in said.notes[0]
    said, plane = ask(answer_with(rows()))
    assert said.problems == {"shop": "no series answers o: total (requests_total)"}
    assert plane.signals == []


def slow(request: Request, at: int) -> Response:
    async def never() -> Any:
        await asyncio.sleep(600)
        yield b""

    return StreamingResponse(never())


def a_million_series(request: Request, at: int) -> Response:
    async def pages() -> Any:
        yield b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[]}'
        row = b',{"metric":{"__name__":"requests_total","instance":"' + b"x" * 60 + b'"},"values":[[1,"1"]]}'
        for _ in range(1_000):
            yield row * 1_000
        yield b"]}}"

    return StreamingResponse(pages())


FULL = rows(({"__name__": "requests_total", "instance": "i"}, [(1, "1"), (2, "5")]))


@pytest.mark.parametrize(
    ("answering", "why"),
    [
        (slow, "no answer within 1s"),
        (answer_with({**FULL, "warnings": ["store timed out"]}), "not whole: store timed out"),
        (answer_with({**FULL, "isPartial": True}), "not whole: the answer is partial"),
        (answer_with(FULL, date="Thu, 01 Jan 2015 00:00:00 GMT"), "behind ours"),
        (answer_with(FULL, **{"content-encoding": "gzip"}), "compresses"),
        (answer_with({"status": "error", "errorType": "bad_data", "error": "parse error"}), "refused: bad_data"),
        (answer_with({"status": "success", "data": {"resultType": "streams"}}), "answers with a streams"),
        (lambda request, at: PlainTextResponse("<html>", 200), "does not answer as the query API"),
        (lambda request, at: PlainTextResponse("no", 401), "it answers 401"),
        (lambda request, at: PlainTextResponse("", 302, {"location": "http://127.0.0.1:1/"}), "it answers 302"),
        (a_million_series, "too many series"),
    ],
    ids=["slow", "warnings", "partial", "clock", "gzip", "refused", "loki", "html", "401", "redirect", "huge"],
)  # fmt: skip
def test_an_answer_that_cannot_be_believed_counts_nothing_and_is_said(answering: Answering, why: str) -> None:
    said, plane = ask(answering, timeout="1s" if answering is slow else "60s")
    assert why in said.problems["shop"]
    assert plane.signals == []
    assert plane.put_in == [said]


def test_an_engine_that_is_down_is_said_without_the_secret_that_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("F_TOKEN", "s3cret")
    seen: list[str] = []

    def note(request: Request, at: int) -> Response:
        seen.append(request.headers["authorization"])
        return growing(request, at)

    header = '{Authorization: "Bearer env:F_TOKEN"}'
    ask(note, headers=header)
    assert set(seen) == {"Bearer s3cret"}
    said, _ = ask(note, headers=header, url="http://127.0.0.1:9")
    assert said.problems["shop"].startswith("no answer")
    assert "s3cret" not in repr(said)
    monkeypatch.delenv("F_TOKEN")
    said, _ = ask(note, headers=header)
    assert said.problems["shop"] == "the header Authorization needs F_TOKEN in the plane's environment"


def vector(value: str, **labels: str) -> Answering:
    def reply(request: Request, at: int) -> Response:
        result = [{"metric": labels, "value": [at, value]}]
        return Response(json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}))

    return reply


def test_a_ratio_weighs_every_minute_alike_and_an_idle_minute_says_only_that_it_was_there() -> None:
    _, plane = ask(vector("0.25", tenant="acme"), sli="{ratio: 'my:ratio'}")
    assert {(one.count, one.failed, one.slice.tenant) for one in plane.signals} == {(10_000, 2_500, "acme")}
    assert all(one.end % MINUTE == 0 for one in plane.signals)
    assert len({one.end for one in plane.signals}) == len(plane.signals) >= 3
    _, plane = ask(vector("NaN"), sli="{ratio: 'my:ratio'}")
    assert {(one.count, one.failed) for one in plane.signals} == {(0, 0)}
    said, plane = ask(vector("98.5"), sli="{ratio: 'my:ratio'}")
    assert "a share lies between 0 and 1" in said.problems["shop"]
    assert plane.signals == []


def test_an_estimate_loses_nothing_by_rounding() -> None:
    sums = "{bad: 'sum(increase(a[{{window}}])) * 2', total: 'sum(rate(b[{{window}}])) * 2'}"
    _, plane = ask(vector("0.3"), sli=sums)
    minutes = len(plane.signals)
    assert sum(one.count for one in plane.signals) == 18 * minutes
    assert sum(one.failed for one in plane.signals) == int(0.3 * minutes + 1e-9)


@NEEDS_VICTORIA
def test_trap_23_victoria_metrics_is_counted_exactly_and_what_it_hides_makes_the_data_old(
    tmp_path: Path,
) -> None:
    shop = {"job": "shop", "instance": "i"}
    with Processes(tmp_path / "logs") as processes:
        engine = victoria_metrics(processes, tmp_path)
        now = SystemClock().now_ms() // SECOND
        times = range(now - 120, now, 5)
        engine.backdate(
            [
                series("requests_total", shop, {at: 10 * (at - times[0]) + 3 for at in times}),
                series("errors_total", {**shop, "code": "500"}, {at: 2 for at in times if at > now - 20}),
            ]
        )
        said, plane = ask_engine(engine.url)
    assert not said.problems
    assert sum(signal.failed for signal in plane.signals) == 2
    assert sum(signal.count for signal in plane.signals) == 10 * (times[-1] - times[0])
    assert said.newest == times[-1] * SECOND


def ask_engine(url: str) -> tuple[EngineSaid, Plane]:
    focus = load(
        {"shop.yaml": POLICY.format(url=url, sli=COUNTS, timeout="60s", headers="{}")}
    ).policies.focuses["shop"]
    plane = Plane(focus)
    return asyncio.run(asyncio.wait_for(rounds_of(focus, plane, 1), 240))[-1], plane


async def rounds_of(focus: Focus, plane: Plane, rounds: int) -> list[EngineSaid]:
    assert focus.engine is not None
    watched = Cumulative((SystemClock().now_ms() - HOUR) * NS_PER_MS)
    core = OtlpIntake(plane, SystemClock(), OtlpSettings(), watched)
    poller = Poller(focus.engine, plane, core, SystemClock())
    said = [await poller.ask_once() for _ in range(rounds)]
    await poller.close()
    return said
