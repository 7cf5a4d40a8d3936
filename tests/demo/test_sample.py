from focusplane.demo.loadlog import Hit
from focusplane.demo.sample import Sample, sample

FOCUS = {
    "stable": "v1",
    "health": "ok",
    "objectives": [
        {"budget": {"left": 0.9931}, "burn": [{"rate": None}, {"rate": 1.5}, {"rate": 0.2}]},
        {"budget": {"left": 0.5}, "burn": []},
    ],
}
ROLLOUT = {
    "phase": "stepping",
    "version": "v2",
    "step": 0,
    "weight_text": "5%",
    "sentence": "v2 serves 5%",
    "verdict": {
        "decision": "hold",
        "e_regress": 3.25,
        "e_safe": None,
        "threshold": 20.0,
        "metrics": [{"canary": {"bad": 2, "total": 40}, "baseline": {"bad": 1, "total": 800}}],
    },
}


def test_a_look_takes_the_counts_of_both_arms_and_what_the_users_saw_lately() -> None:
    hits = [
        Hit(0, 30, "a", "1", "visa", 502),
        Hit(95_970, 96_000, "a", "2", "visa", 502),
        Hit(96_960, 97_000, "a", "3", "visa", 200),
        Hit(96_960, 97_000, "a", "4", "visa", 500, synthetic=True),
    ]
    seen = sample(100_000, FOCUS, ROLLOUT, [{"id": "inc-1", "stage": "open"}], hits)
    assert (seen.canary_bad, seen.canary_total, seen.baseline_bad, seen.baseline_total) == (2, 40, 1, 800)
    assert (seen.rate, seen.failed, seen.p50_ms) == (0.4, 1, 40)
    assert (seen.burn, seen.budget_left) == (1.5, "99.31%")
    assert (seen.phase, seen.weight, seen.incident) == ("stepping", "5%", "inc-1 open")


def test_a_plane_that_knows_nothing_yet_gives_an_empty_look() -> None:
    empty = {
        "phase": "idle",
        "version": "",
        "weight": 0.0,
        "verdict": None,
        "steps": [],
        "reason": "none yet",
    }
    assert sample(5, {"objectives": []}, empty, [], []) == Sample(5, sentence="none yet")
