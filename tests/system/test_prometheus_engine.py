"""A real Prometheus as the engine: what it has scraped is asked for, counted exactly, and its absence is said."""

from collections.abc import Mapping
from pathlib import Path

from tests.engines import NEEDS_PROMETHEUS, Engine, prometheus
from tests.system.customers import CLOCK
from tests.system.exporter import Exporter
from tests.system.town import HOST, Town, until

from focusplane.demo.processes import Processes

FOCUS = """apiVersion: focusplane/v1
kind: Focus
metadata: {{name: {name}}}
spec:
  owner: crew
  source: {{prometheus: {{url: "{url}", every: 1s}}}}
  boundary: [{boundary}]
  objectives: [{objectives}]
"""
OBJECTIVE = "{{name: {name}, target: 99%, window: 30d, sli: {sli}}}"
SCRAPES = """global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
  - {job_name: shop, metrics_path: /counter, static_configs: [{targets: ["TARGET"]}]}
  - {job_name: timed, metrics_path: /histogram, static_configs: [{targets: ["TARGET"]}]}
"""
ASKED = {
    "plain": '{prometheus: {bad: \'http_requests_total{job="shop",status=~"5.."}\', total: \'http_requests_total{job="shop"}\'}}',
    "good": '{prometheus: {good: \'http_requests_total{job="shop",status!~"5.."}\', total: \'sum(rate(http_requests_total{job="shop"}[{{window}}]))\'}}',
    "slow": "{prometheus: {histogram: 'http_server_request_duration_seconds_bucket{job=\"timed\"}'}, latency: {under: 300ms}}",
}
NATIVE = {"native": "{bad: {status: 5xx}}"}


def declare(town: Town, name: str, url: str, slis: Mapping[str, str], boundary: str = "") -> None:
    objectives = ", ".join(OBJECTIVE.format(name=key, sli=sli) for key, sli in slis.items())
    (town.policies / f"{name}.yaml").write_text(
        FOCUS.format(name=name, url=url, boundary=boundary, objectives=objectives)
    )


def counts(town: Town, focus: str) -> dict[str, tuple[int, int]]:
    rows = town.get(f"/focuses/{focus}")["objectives"]
    return {row["name"]: (row["good"] or 0, row["total"] or 0) for row in rows}


def healths(town: Town, focus: str) -> set[str]:
    return {row["state"] for row in town.get(f"/focuses/{focus}")["objectives"]}


def scraped(exporter: Exporter, times: int = 5) -> None:
    before = dict(exporter.scrapes)
    pages = ("/counter", "/histogram")
    until(lambda: all(exporter.scrapes[page] > before.get(page, 0) + times for page in pages), "scrapes")


def ingested(engine: Engine) -> bool:
    """Whether the engine holds both pages: what was served may have come too late for it."""
    names = ('http_requests_total{job="shop"}', 'http_server_request_duration_seconds_bucket{job="timed"}')
    return all(engine.ask(name, CLOCK.now_ms() / 1000) for name in names)


def started(processes: Processes, root: Path, exporter: Exporter) -> Engine:
    return prometheus(processes, root, SCRAPES.replace("TARGET", f"{HOST}:{exporter.port}"))


@NEEDS_PROMETHEUS
def test_what_an_engine_has_scraped_is_counted_exactly_through_births_resets_and_restarts(
    town: Town, tmp_path: Path
) -> None:
    with Processes(tmp_path / "more") as processes, Exporter() as exporter:
        exporter.answer("200", 0.2, 1_000)
        engine = started(processes, tmp_path, exporter)
        declare(town, "asked", engine.url, ASKED)
        declare(town, "native", engine.url, NATIVE, '{service: timed, routes: ["POST /checkout"]}')
        until(lambda: ingested(engine), "the engine has scraped")
        scraped(exporter, 8)
        town.start_plane()
        until(lambda: town.get("/status")["engines"], "the engine has been asked")
        scraped(exporter, 8)
        exporter.answer("200", 0.2, 200)
        exporter.answer("200", 0.5, 10)
        exporter.answer("503", 0.05, 1)  # born at 1: an increase() never sees it
        comes(town, {"plain": (210, 211), "good": (210, 211), "slow": (201, 211)})
        until(lambda: counts(town, "native") == {"native": (210, 211)}, "native metrics count, too")
        exporter.restart()
        exporter.answer("200", 0.2, 5)
        exporter.answer("503", 0.2, 0)
        comes(town, {"plain": (215, 216), "good": (215, 216), "slow": (206, 216)})
        town.kill(town.plane)
        exporter.answer("200", 0.2, 100)
        exporter.answer("503", 0.2, 3)
        scraped(exporter, 4)
        town.start_plane()
        comes(town, {"plain": (315, 319), "good": (315, 319), "slow": (309, 319)})
        _the_engine_goes_and_comes(town, engine, exporter)
        until(lambda: counts(town, "native") == {"native": (322, 326)}, "native metrics are complete, too")


def _the_engine_goes_and_comes(town: Town, engine: Engine, exporter: Exporter) -> None:
    engine.kill()
    until(lambda: healths(town, "asked") == {"blind"}, "without its engine a focus is blind")
    until(lambda: "the engine: no answer" in town.get("/focuses/asked")["reason"], "and says why")
    said = f"the engine {engine.url} is no help to asked, native: no answer"
    until(lambda: said in town.focus("doctor").stdout, "the doctor names each focus that asks it")
    exporter.answer("200", 0.2, 7)
    engine.start()
    scraped(exporter, 4)
    comes(town, {"plain": (322, 326), "good": (322, 326), "slow": (316, 326)})
    until(lambda: "blind" not in healths(town, "asked"), "it sees again")


def comes(town: Town, wanted: dict[str, tuple[int, int]]) -> None:
    until(lambda: counts(town, "asked") == wanted, f"{wanted}")
