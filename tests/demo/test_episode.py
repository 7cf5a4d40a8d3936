from typing import Any

from focusplane.demo.episode import (
    CHANGED,
    DETECTED,
    FIRST_BAD,
    LAST_REQUEST,
    RUNS,
    STARTED,
    VERIFIED,
    episode,
)
from focusplane.demo.loadlog import Hit


def fact(at: int, kind: str, subject: str, reason: str = "", **body: Any) -> dict[str, Any]:
    return {"at": at, "kind": kind, "subject": subject, "reason": reason, "body": body}


FACTS = [
    fact(1_000, "rollout.started", "rol-1", "v2 gets 5%", version="v2"),
    fact(1_000, "decision.act", "act-1"),
    fact(1_000, "board.moved", "checkout/traffic", cause="act-1"),
    fact(1_500, "action.moved", "act-1", phase="applied"),
    fact(5_000, "rollout.moved", "rol-1", "v2 fails more", phase="rolled-back", version="v2"),
    fact(5_000, "decision.act", "act-2"),
    fact(5_001, "board.moved", "checkout/traffic", cause="act-2"),
    fact(5_040, "action.moved", "act-2", "the data planes run it", phase="applied"),
    fact(9_000, "action.moved", "act-2", "read back", phase="verified"),
    fact(20_000, "rollout.started", "rol-2", "v3 gets 25%", version="v3"),
    fact(
        25_000,
        "rollout.moved",
        "rol-2",
        "v3 is no worse",
        saw="evidence of safety",
        weight="50%",
        version="v3",
    ),
]


def hit(end: int, version: str = "v1", status: int = 200, **more: Any) -> Hit:
    return Hit(
        end - 20,
        end,
        more.pop("tenant", f"t{end}"),
        more.pop("key", f"k{end}"),
        "visa",
        status,
        version,
        **more,
    )


HITS = [
    hit(900, "v1", 502),
    *(hit(1_100 + 10 * number) for number in range(100)),
    hit(3_000, "v2", 502, tenant="acme", key="a"),
    hit(3_100, "v2", 502, tenant="acme", key="a", resend=True),
    hit(3_200, "v2"),
    hit(5_010, "v2"),
    hit(9_500, "v1"),
]


def test_the_decisive_moments_come_from_the_journal_and_from_the_users_in_one_order() -> None:
    told = episode("v2", "v1", FACTS, HITS, 15_000)
    assert [(moment.what, moment.at, moment.after_ms) for moment in told.moments] == [
        (STARTED, 1_000, -2_000),
        (FIRST_BAD, 3_000, 0),
        (LAST_REQUEST, 4_990, 1_990),
        (DETECTED, 5_000, 2_000),
        (CHANGED, 5_001, 2_001),
        (RUNS, 5_040, 2_040),
        (VERIFIED, 9_000, 6_000),
    ]


def test_harm_counts_what_failed_beyond_the_stable_version_and_who_was_lost() -> None:
    harm = episode("v2", "v1", FACTS, HITS, 15_000).harm
    assert (harm.requests, harm.failed, harm.excess) == (4, 2, 2)
    assert (harm.stable_requests, harm.stable_failed) == (100, 0)
    assert harm.users_lost == 1
    assert harm.tenants_hurt == 1
    assert harm.at_full_traffic == 52
    assert harm.exposed_ms == 3_990


def test_a_failure_that_the_stable_version_shares_is_no_excess() -> None:
    hits = [hit(2_000 + n, "v1", 502 if n % 2 else 200) for n in range(100)]
    hits += [hit(2_500 + n, "v2", 502 if n % 2 else 200) for n in range(10)]
    assert episode("v2", "v1", FACTS, hits, 15_000).harm.excess == 0


def test_what_died_on_the_way_to_a_version_is_its_failure_though_no_version_answered() -> None:
    told = episode("v2", "v1", FACTS, [hit(2_000, "", 503, local="UF"), hit(2_500)], 15_000)
    assert (told.harm.requests, told.harm.failed) == (1, 1)
    assert told.at(FIRST_BAD) == 2_000


def test_a_rollout_without_failures_counts_its_delays_from_its_start() -> None:
    told = episode("v3", "v1", FACTS, [hit(21_000, "v3")], 30_000)
    assert [(moment.what, moment.after_ms) for moment in told.moments] == [
        (STARTED, 0),
        ("promoted to 50%", 5_000),
    ]
    assert told.at(VERIFIED) is None


def test_a_version_that_was_never_rolled_out_has_no_moments() -> None:
    assert episode("v9", "v1", FACTS, HITS, 15_000).moments == ()
