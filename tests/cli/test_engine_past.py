"""A past from a PromQL engine: the same episodes as the same counts from a CSV file, and blind where nothing is known."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.edge.otlp_world import served
from tests.engines import NEEDS_VICTORIA, Engine, series, victoria_metrics

from focusplane.cli.main import run
from focusplane.demo.processes import Processes

T0 = 1_767_225_600
"""2026-01-01T00:00:00Z, Unix seconds."""
FOCUS = """\
apiVersion: focusplane/v1
kind: Team
metadata: {{name: crew}}
spec: {{members: [ana@example.org], channels: {{pager: {{url: "env:PAGER"}}}}}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: shop}}
spec:
  owner: crew
  source: {{prometheus: {{url: "{url}"}}}}
  boundary: [{{service: shop}}]
  objectives: [{objectives}]
  alerts: {{page: [pager]}}
"""
COUNTED = "{name: availability, target: 99.9%, window: 30d, sli: {prometheus: {bad: 'errors_total', total: 'requests_total'}}}"
GOOD = "{name: availability, target: 99.9%, window: 30d, sli: {prometheus: {good: 'fine_total', total: 'requests_total'}}}"
NATIVE = "{name: availability, target: 99.9%, window: 30d, sli: {bad: {status: 5xx}}}"
LATENCY = "{name: availability, target: 99.9%, window: 30d, sli: {prometheus: {histogram: 'took_seconds_bucket'}, latency: {under: 300ms}}}"
RATIO = "{name: share, target: 99.9%, window: 30d, sli: {prometheus: {ratio: 'sum(rate(errors_total[{{window}}])) / sum(rate(requests_total[{{window}}]))'}}}"
MINUTES = 480
Minute = tuple[int, int]
"""good, bad"""


def counts(minute: int, silent: range = range(0)) -> Minute | None:
    """What happened in the minute that ends so late; None: nothing was heard."""
    if minute in silent:
        return None
    bad = 300 if 120 < minute <= 132 else (5 if minute % 50 == 0 else 0)
    return 600 + minute % 7 - bad, bad


def policy(folder: Path, url: str, *objectives: str) -> str:
    path = folder / "shop.yaml"
    path.write_text(FOCUS.format(url=url, objectives=", ".join(objectives)))
    return str(path)


def csv_of(folder: Path, minutes: Mapping[int, Minute]) -> str:
    path = folder / "counts.csv"
    rows = [f"{T0 + minute * 60},shop,{good},{bad}" for minute, (good, bad) in minutes.items()]
    path.write_text("time,focus,good,bad\n" + "\n".join(rows) + "\n")
    return str(path)


def counters(minutes: Mapping[int, Minute], lives: tuple[int, ...] = ()) -> Mapping[str, dict[float, float]]:
    """Cumulative counters of the same: they restart at `lives` (minutes), and that of errors appears with its first one."""
    found: dict[str, dict[float, float]] = {"requests": {}, "errors": {}, "fine": {}}
    total, bad = 10_000, 0
    for minute in range(-20, MINUTES + 1):
        good_now, bad_now = minutes.get(minute, (0, 0))
        if minute in lives:
            total = bad = 0
        total, bad = total + good_now + bad_now, bad + bad_now
        if minute > 0 and minute not in minutes:
            continue
        at = float(T0 + minute * 60)
        found["requests"][at] = total
        found["fine"][at] = total - bad
        if bad or found["errors"]:
            found["errors"][at] = bad
    return found


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    assert run(["backtest", *arguments, "--json"]) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    return json.loads(said.out), said.err


SPAN = ["--from", str(T0), "--to", str(T0 + MINUTES * 60)]
SAME = ("objectives", "episodes", "requests", "frozen_ms", "mitigations")


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for key in SAME:
        assert one[key] == other[key], key


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("engine")
    with Processes(root / "logs") as processes:
        yield victoria_metrics(processes, root)


def labelled(found: Mapping[str, dict[float, float]], **labels: str) -> list[str]:
    said = {"job": "shop", "instance": labels.get("instance", "i-1"), **labels}
    return [series(f"{name}_total", said, samples) for name, samples in found.items() if samples]


MINUTE_BY_MINUTE = {minute: counts(minute) for minute in range(1, MINUTES + 1)}


@NEEDS_VICTORIA
@pytest.mark.parametrize("objective", [COUNTED, GOOD])
def test_an_engine_and_a_table_of_the_same_counts_give_the_same_episodes(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], objective: str
) -> None:
    """Births and restarts of the counters among them."""
    minutes = {minute: found for minute, found in MINUTE_BY_MINUTE.items() if found is not None}
    engine.backdate(labelled(counters(minutes, lives=(200, 300))))
    asked, _ = told([policy(tmp_path, engine.url, objective), "--prometheus", *SPAN], capsys)
    plain = policy(tmp_path, engine.url, NATIVE)
    counted, _ = told([plain, "--csv", csv_of(tmp_path, minutes)], capsys)
    same(asked, counted)
    assert asked["objectives"][0]["page"] == 1
    assert asked["requests"] == sum(good + bad for good, bad in minutes.values())


def native(minutes: Mapping[int, Minute], step: int, **labels: str) -> list[str]:
    """`focus_requests_total` by status, scraped each `step` seconds; a minute's requests come evenly, its errors first."""
    found: dict[str, dict[float, float]] = {"200": {}, "503": {}}
    good_sum = bad_sum = 0
    for minute in range(-20, MINUTES + 1):
        good, bad = minutes.get(minute, (0, 0))
        for second in range(step, 61, step):
            at = float(T0 + (minute - 1) * 60 + second)
            found["200"][at] = good_sum + good * second // 60
            found["503"][at] = bad_sum + bad
        good_sum, bad_sum = good_sum + good, bad_sum + bad
    said = {"job": "shop", "instance": "i-1", "focus_id": "shop", **labels}
    return [
        series("focus_requests_total", {**said, "http_response_status_code": status}, samples)
        for status, samples in found.items()
    ]


@NEEDS_VICTORIA
def test_native_metrics_of_tenants_scraped_each_quarter_of_a_minute_are_counted_with_their_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    minutes = {minute: found for minute, found in MINUTE_BY_MINUTE.items() if found is not None}
    other = {minute: (50, 0) for minute in minutes}
    by_tenant = NATIVE.replace("window", "by: tenant, window")
    with Processes(tmp_path / "logs") as processes:
        engine = victoria_metrics(processes, tmp_path)
        lines = native(minutes, 15, tenant_id="acme") + native(other, 15, tenant_id="globex", instance="i-2")
        engine.backdate(lines)
        asked, said = told([policy(tmp_path, engine.url, by_tenant), "--prometheus", *SPAN], capsys)
    path = tmp_path / "counts.csv"
    rows = [
        f"{T0 + minute * 60},shop,{good},{bad},{tenant}"
        for tenant, some in (("acme", minutes), ("globex", other))
        for minute, (good, bad) in some.items()
    ]
    path.write_text("time,focus,good,bad,tenant\n" + "\n".join(rows) + "\n")
    counted, _ = told([policy(tmp_path, "http://p:9090", by_tenant), "--csv", str(path)], capsys)
    same(asked, counted)
    assert asked["objectives"][0]["page"] == 1
    assert not said


@NEEDS_VICTORIA
def test_a_time_of_which_the_engine_knows_nothing_is_blind_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the middle, where counters go on, and at the end."""
    minutes = {
        minute: found
        for minute, found in MINUTE_BY_MINUTE.items()
        if found is not None and minute not in range(200, 260) and minute <= 440
    }
    with Processes(tmp_path / "logs") as processes:
        engine = victoria_metrics(processes, tmp_path)
        engine.backdate(labelled(counters(minutes)))
        asked, said = told([policy(tmp_path, engine.url, COUNTED), "--prometheus", *SPAN], capsys)
    assert "shop: nothing was heard from 2026-01-01 03:19Z to 2026-01-01 04:15Z: blind" in said
    assert "shop: nothing was heard from 2026-01-01 07:20Z to 2026-01-01 08:00Z: blind" in said
    assert asked["notes"] == said.splitlines()
    [one] = asked["objectives"]
    assert 85 * 60_000 <= one["blind_ms"] <= 100 * 60_000


@NEEDS_VICTORIA
def test_slow_answers_are_counted_from_a_histogram(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    minutes = {minute: found for minute, found in MINUTE_BY_MINUTE.items() if found is not None}
    found = counters(minutes)
    whole, fast = found["requests"], found["fine"]
    said = {"job": "shop", "instance": "i-1"}
    buckets = {"0.1": dict.fromkeys(whole, 7.0), "0.3": fast, "1.0": whole, "+Inf": whole}
    with Processes(tmp_path / "logs") as processes:
        engine = victoria_metrics(processes, tmp_path)
        engine.backdate(
            [series("took_seconds_bucket", {**said, "le": le}, got) for le, got in buckets.items()]
        )
        asked, _ = told([policy(tmp_path, engine.url, LATENCY), "--prometheus", *SPAN], capsys)
    counted, _ = told([policy(tmp_path, "http://p:9090", NATIVE), "--csv", csv_of(tmp_path, minutes)], capsys)
    for key in ("requests", "frozen_ms", "mitigations"):
        assert asked[key] == counted[key]
    assert [one["began"] for one in asked["episodes"]] == [one["began"] for one in counted["episodes"]]


Reply = Callable[[range], Response]
"""Of the seconds that are asked about."""


def seconds_of(request: Request) -> range:
    end = int(float(request.query_params["time"]))
    asked = re.search(r"\[(\d+)ms\]$", request.query_params["query"])
    assert asked is not None
    return range(end - int(asked[1]) // 1000 + 1, end + 1)


def asked_of(reply: Reply, folder: Path, *objectives: str, more: tuple[str, ...] = ()) -> int:
    async def answer(request: Request) -> Response:
        return reply(seconds_of(request))

    with served(Starlette(routes=[Route("/api/v1/query", answer)])) as url:
        return run(["backtest", policy(folder, url, *objectives), "--prometheus", *SPAN, *more])


def steady(asked: range) -> Response:
    """Ten requests a second, each minute a sample; no failure."""
    times = [t for t in asked if t % 60 == 0]
    rows = [
        {"metric": {"__name__": "requests_total"}, "values": [[t, str((t - T0 + 10**6) * 10)] for t in times]}
    ]
    return JSONResponse({"status": "success", "data": {"resultType": "matrix", "result": rows}})


def test_a_piece_that_is_not_answered_is_blind_and_never_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Partial answers, too, are none."""

    def half(asked: range) -> Response:
        if T0 + 10_000 in asked or T0 + 11_000 in asked:
            return Response("gone", 500)
        if T0 + 20_000 in asked:
            return JSONResponse(
                {"status": "success", "isPartial": True, "data": {"resultType": "matrix", "result": []}}
            )
        return steady(asked)

    objective = COUNTED.replace("bad: 'errors_total'", "good: 'requests_total'")
    assert asked_of(half, tmp_path, objective, more=("--json",)) == 0
    said = capsys.readouterr()
    shown = json.loads(said.out)
    assert "it answers 500" in said.err
    assert "not whole" in said.err
    blind = shown["objectives"][0]["blind_ms"]
    assert 30 * 60_000 <= blind <= 75 * 60_000
    assert (MINUTES * 60 - 75 * 60) * 10 <= shown["requests"] <= (MINUTES * 60 - 30 * 60) * 10


def test_an_engine_that_does_not_answer_is_an_error_and_nothing_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked_of(lambda asked: Response("no", 500), tmp_path, COUNTED) == 3
    said = capsys.readouterr()
    assert "does not answer about 2025-12-31 23:50Z: it answers 500" in said.err
    assert not said.out
    words = ["backtest", policy(tmp_path, "http://127.0.0.1:9", COUNTED), "--prometheus", *SPAN]
    assert run(words) == 3
    assert "no answer: ConnectError" in capsys.readouterr().err


def test_what_only_the_engine_can_add_up_is_not_asked_for_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked_of(steady, tmp_path, RATIO) == 2
    assert (
        "shop/share is not asked for: a ratio has lost how many requests it was of" in capsys.readouterr().err
    )
    both = COUNTED.replace("bad: 'errors_total'", "good: 'requests_total'")
    assert asked_of(steady, tmp_path, both, RATIO) == 0
    said = capsys.readouterr()
    assert "shop/share is not asked for" in said.err
    assert "not judged, for want of counts: shop/share" in said.out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--prometheus"], "an engine is asked about a time"),
        (["--prometheus", *SPAN[:2], "--to", SPAN[1]], "--to is not after --from"),
        (["--prometheus", *SPAN[:2], "--to", "2999-01-01"], "has not come yet"),
        (["--prometheus", "ftp://x", *SPAN], "is not a URL"),
        (["--prometheus", "http://u:p@x", *SPAN], "a URL holds no secret"),
        (["--prometheus", "--from", "1990-01-01", "--to", "2020-01-01"], "judgements are too many"),
        (["--csv", "shop.yaml", "--prometheus", *SPAN], "say where the past comes from, once"),
    ],
)
def test_a_question_that_cannot_be_asked_is_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["backtest", policy(tmp_path, "http://p:9090", COUNTED), *more]) == 2
    assert words in capsys.readouterr().err


def test_another_engine_than_the_policys_gets_none_of_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASK_TOKEN", "s3cret")
    seen: list[str] = []

    async def answer(request: Request) -> Response:
        seen.append(request.headers.get("authorization", ""))
        return steady(seconds_of(request))

    secret = 'http://p:9090", headers: {Authorization: "Bearer env:ASK_TOKEN"}, every: "15s'
    both = COUNTED.replace("bad: 'errors_total'", "good: 'requests_total'")
    with served(Starlette(routes=[Route("/api/v1/query", answer)])) as url:
        assert run(["backtest", policy(tmp_path, secret, both), "--prometheus", url, *SPAN]) == 0
        assert set(seen) == {""}
        own = secret.replace("http://p:9090", url)
        assert run(["backtest", policy(tmp_path, own, both), "--prometheus", *SPAN]) == 0
    assert "Bearer s3cret" in seen
