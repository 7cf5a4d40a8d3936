"""The pages as HTML: every state of a world can be shown, to whom may see it."""

from dataclasses import replace
from fractions import Fraction

import httpx
import pytest

from focusplane.act.incident import Stage
from focusplane.control.rollout import Phase
from focusplane.define.rollout import JudgeSpec
from focusplane.define.slo import Level
from focusplane.observe.arms import Pair
from focusplane.observe.evidence import Evidence
from focusplane.observe.health import Budget, Health, State
from focusplane.observe.reading import Measured, NoData
from focusplane.observe.synthetic import Supply, begun, fold
from focusplane.plane.world import Refusal, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_page_of_a_rollback_says_what_was_done_and_why(api: httpx.AsyncClient) -> None:
    html = (await api.get("/focus/checkout")).text
    for told in (
        "v2 was taken back to v1",
        "What was done, and why",
        "Why nothing else happened",
        "cooling down for another 9m45s",
        "first bad answer",
        "31<span",
        "roll v2 back to v1",
    ):
        assert told in html


async def test_every_focus_has_a_page_also_one_that_nothing_is_known_of(api: httpx.AsyncClient) -> None:
    for name in ("search", "login"):
        answer = await api.get(f"/focus/{name}")
        assert answer.status_code == 200
    assert "Silence is not success" in answer.text


async def test_a_world_without_anything_has_a_first_page(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    world: World = plane.world
    plane.world = replace(world, policies=type(world.policies)(), incidents={}, rollouts={}, nodes={})
    answer = await api.get("/")
    assert "No focus is declared yet" in answer.text


async def test_a_viewer_sees_no_button(api: httpx.AsyncClient) -> None:
    mine = {"authorization": "Bearer viewer-token"}
    assert "data-act" in (await api.get("/focus/checkout")).text
    assert "data-act" not in (await api.get("/focus/checkout", headers=mine)).text


async def test_who_is_not_known_is_told_how_to_come_in(api: httpx.AsyncClient) -> None:
    del api.headers["authorization"]
    answer = await api.get("/")
    assert answer.status_code == 401
    assert "focus login" in answer.text


async def test_a_page_that_is_not_there_says_what_there_is(api: httpx.AsyncClient) -> None:
    answer = await api.get("/focus/nothing")
    assert answer.status_code == 404
    assert "checkout" in answer.text


async def test_what_others_wrote_is_text_and_never_markup(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    (key, incident), *_ = plane.world.incidents.items()
    bad = replace(incident, title="<script>alert(1)</script>")
    plane.world = replace(plane.world, incidents={key: bad})
    html = (await api.get("/focus/checkout")).text
    assert "<script>alert" not in html


async def test_nothing_is_loaded_from_elsewhere_and_no_style_is_inline(api: httpx.AsyncClient) -> None:
    for path in ("/", "/rollouts", "/focus/checkout"):
        html = (await api.get(path)).text
        assert "http://" not in html.replace("http://www.w3.org", "")
        assert "https://" not in html
        assert "style=" not in html


async def test_a_rollout_that_did_not_begin_is_on_the_page_with_its_reason(
    api: httpx.AsyncClient, plane
) -> None:  # type: ignore[no-untyped-def]
    refused = Refusal("v3", "v3 is not ready to take traffic: no connection", plane.world.tick.at)
    for rollouts in (plane.world.rollouts, {}):
        plane.world = replace(plane.world, rollouts=rollouts, refusals={"checkout": refused})
        html = (await api.get("/focus/checkout")).text
        assert "v3 was not started" in html
        assert "v3 is not ready to take traffic" in html


async def test_the_page_says_how_many_requests_no_user_sent_and_why_none_are_sent_now(
    api: httpx.AsyncClient, plane
) -> None:  # type: ignore[no-untyped-def]
    rollout = plane.world.rollouts["checkout"]
    known = Supply(rollout.id, sent=380, off="automation is frozen: look")
    spec = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 100))
    made = fold(begun(spec, 0), [Pair("GET /pay", 1, 0, 1, 0)] * 380, 1)
    plane.world = replace(
        plane.world, supplies={"checkout": known}, evidence={"checkout": Evidence(spec, synthetic=made)}
    )
    html = (await api.get("/focus/checkout")).text
    assert f"Of 380 requests of {rollout.version}, 380 were synthetic" in html
    assert "none are sent: automation is frozen: look" in html


async def test_a_rollout_of_a_flag_is_shown_like_one_of_a_version_and_says_what_was_never_shown(
    api: httpx.AsyncClient, plane
) -> None:  # type: ignore[no-untyped-def]
    of_version = plane.world.rollouts["checkout"]
    quiet = "no evidence of harm, at step 1"
    rollout = replace(
        of_version, version="on", stable="off", flag="new-pricing", phase=Phase.STEPPING, unproven=quiet
    )
    plane.world = replace(plane.world, rollouts={"checkout": rollout})
    html = (await api.get("/focus/checkout")).text
    assert "<b>new-pricing=on</b>" in html
    assert "Failures of both variants, per metric" in html
    assert "<b>Without evidence of safety.</b> No evidence of harm, at step 1." in html
    assert "new-pricing=on serves" in html
    assert "new-pricing=on at" in (await api.get("/")).text


async def test_the_page_says_what_was_seen_which_source_counts_and_plain_states(
    api: httpx.AsyncClient,
) -> None:
    html = (await api.get("/focus/checkout")).text
    assert "29d2h of 30d seen" in html
    assert "edge <span" in html
    assert "source: auto" in html
    assert "at this rate it lasts the whole window" in html
    assert "in focus" not in html
    assert ">burning</span>" in html
    assert "e-0" not in html


async def test_the_first_page_names_what_waits_for_a_yes(api: httpx.AsyncClient) -> None:
    html = (await api.get("/")).text
    assert "Waits for a yes." in html
    assert "throttle to 300/s, because availability burns at 4.2x" in html


async def test_what_nobody_can_see_has_neither_a_budget_nor_an_age(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    silent = replace(
        plane.world.health["checkout/availability"],
        state=State.BLIND,
        reason="silent: nothing newer than 9m has arrived",
    )
    never = Health(
        "login", "availability", State.BLIND, Level.NONE, "no telemetry yet", NoData("no telemetry yet")
    )
    idle = replace(plane.world.health["search/availability"], reading=Measured(0, 0, Fraction(1)))
    health = {
        "checkout/availability": silent,
        "login/availability": never,
        "search/availability": idle,
    }
    plane.world = replace(plane.world, health=health)
    for name in ("checkout", "login", "search"):
        shown = (await api.get(f"/api/v1/focuses/{name}")).json()["objectives"][0]["budget"]
        assert (shown["left"], shown["left_text"], shown["exhausts_at"]) == (None, "–", None)
        assert shown["no_data"]
        html = (await api.get(f"/focus/{name}")).text
        assert "at this rate" not in html
        assert "gauge ok" not in html.split("<article")[1]
    assert "budget unknown" in (await api.get("/")).text
    ages = [one for one in (await api.get("/metrics")).text.splitlines() if one.startswith("focus_data_age")]
    assert len(ages) == 1
    assert 'focus="checkout"' in ages[0]


async def test_an_overspent_budget_is_never_green_on_the_first_page(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    spent = replace(
        plane.world.health["search/availability"], budget=Budget(Fraction(0), 10, Fraction(10), None)
    )
    plane.world = replace(plane.world, health={"search/availability": spent})
    assert '<svg class="gauge bad" role="img" aria-label="budget left 0%"' in (await api.get("/")).text


async def test_the_page_says_where_the_counts_come_from_how_old_they_are_and_how_much_is_traced(
    api: httpx.AsyncClient,
) -> None:
    html = (await api.get("/focus/checkout")).text
    assert "Where the counts come from" in html
    assert "may tighten" in html
    assert "1 of 1 instance speaking" in html
    assert "Trace coverage" in html
    unseen = (await api.get("/focus/search")).text
    assert "No telemetry yet" in unseen


async def test_an_incident_that_is_over_can_be_reviewed_closed_and_read_and_a_closed_one_says_what_came_of_it(
    api: httpx.AsyncClient, plane
) -> None:  # type: ignore[no-untyped-def]
    (key, incident), *_ = plane.world.incidents.items()
    offered = {
        Stage.RESOLVED: ("/review", "/close", "/postmortem"),
        Stage.REVIEW: ("/close", "/postmortem"),
        Stage.CLOSED: ("/postmortem",),
    }
    for stage, paths in offered.items():
        over = replace(
            incident,
            stage=stage,
            reviewed_by="ana",
            conclusion="a slower first step" * (stage is Stage.CLOSED),
        )
        plane.world = replace(plane.world, incidents={key: over})
        html = (await api.get("/focus/checkout")).text
        found = tuple(
            path
            for path in ("/ack", "/resolve", "/review", "/close", "/postmortem")
            if f"{key}{path}" in html
        )
        assert found == paths, stage
        assert ("a slower first step" in html) is (stage is Stage.CLOSED)


async def test_a_page_tells_of_the_gravest_incident_that_is_live_and_names_the_others(
    api: httpx.AsyncClient, plane
) -> None:  # type: ignore[no-untyped-def]
    incident, *_ = plane.world.incidents.values()
    grave = replace(incident, id="inc-grave", title="everything fails", level=Level.OUTAGE, stage=Stage.OPEN)
    newer = replace(
        incident,
        id="inc-newer",
        title="a disk is full",
        level=Level.PAGE,
        stage=Stage.OPEN,
        opened_at=incident.opened_at + 1,
    )
    over = replace(
        newer, id="inc-over", title="it was over", stage=Stage.RESOLVED, opened_at=incident.opened_at + 2
    )
    plane.world = replace(plane.world, incidents={one.id: one for one in (grave, newer, over)})
    html = (await api.get("/focus/checkout")).text
    assert "/api/v1/incidents/inc-grave/resolve" in html
    assert html.index("everything fails") < html.index("a disk is full") < html.index("it was over")
    assert "<details open>" in html
    row = next(one for one in (await api.get("/api/v1/focuses")).json()["items"] if one["id"] == "checkout")
    assert row["incident"]["id"] == "inc-grave"


async def test_every_rule_of_an_objective_stands_in_its_table_also_one_without_a_factor(
    api: httpx.AsyncClient, plane
) -> None:  # type: ignore[no-untyped-def]
    shown = (await api.get("/api/v1/focuses/checkout")).json()
    rules = [one for each in shown["objectives"] for one in each["burn"]]
    assert [one for one in rules if one["factor"] is None]
    html = (await api.get("/focus/checkout")).text
    assert html.count('<tr class="quiet" title=') + html.count('<tr class="firing" title=') == len(rules)
    assert "40% fail" in html
