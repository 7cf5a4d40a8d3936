"""What a policy may say, and what is told about what it may not."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.define.controls import Address
from focusplane.define.load import Loaded, load
from focusplane.define.mitigation import Mode, OnBurn, SetFlag, SetThrottle
from focusplane.define.problem import Severity
from focusplane.define.slo import BurnRule, Calendar, Level, Rolling


def changed(text: str, old: str, new: str) -> Loaded:
    assert old in text
    return load({"focus.yaml": text.replace(old, new)})


def told(loaded: Loaded) -> list[str]:
    return [
        f"{one.line}:{one.column} {one.code}" for one in loaded.problems if one.severity is Severity.ERROR
    ]


def test_the_example_has_no_problem_at_all(checkout: str) -> None:
    assert load({"focus.yaml": checkout}, today="2026-11-22").problems == ()


def test_the_example_is_read_exactly(checkout: str) -> None:
    focus = load({"focus.yaml": checkout}).policies.focuses["checkout"]
    availability, latency = focus.objectives
    assert availability.target == Fraction(995, 1000)
    assert availability.window == Rolling(30 * 86_400_000)
    assert latency.sli.under_ms == 300
    assert focus.controls.flags["new-pricing"].variants == {"on": True, "off": False}
    assert focus.controls.traffic is not None
    assert focus.controls.traffic.listen == Address("127.0.0.1", 10000)
    assert list(focus.controls.traffic.versions) == ["v1", "v2", "v3", "v4"]
    assert focus.rollout is not None
    assert [step.weight for step in focus.rollout.steps] == [Fraction(n, 20) for n in (1, 5, 10, 20)]
    assert focus.rollout.judge.slack == Fraction(1, 200)
    (mitigation,) = focus.mitigations
    assert mitigation.when == OnBurn("availability", Level.ACT)
    assert mitigation.move == SetFlag("new-pricing", "off")
    assert mitigation.mode is Mode.ACT


def test_every_mistake_of_the_broken_example_is_told_at_once(broken: str, golden: Path) -> None:
    problems = load({"focus.yaml": broken}, today="2026-11-22").problems
    seen = "".join(f"{problem}\n    hint  {problem.hint}\n" for problem in problems)
    assert seen == (golden / "checkout-broken.txt").read_text()


def test_the_same_text_gives_the_same_digest_and_any_change_another(checkout: str) -> None:
    one, again = load({"a.yaml": checkout}).policies, load({"b.yaml": checkout}).policies
    other = changed(checkout, "target: 99.5%", "target: 99.6%").policies
    assert one.digest == again.digest
    assert one.focuses["checkout"].digest != other.focuses["checkout"].digest
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("target: 99.5%", "target: 0%", "D101"),
        ("target: 99.5%", "target: 100%", "D101"),
        ("target: 99.5%", "target: 101%", "D012"),
        ("target: 99.5%", "target: .995", "D012"),
        ("target: 99.5%", "targt: 99.5%", "D010"),
        ("window: 30d", "window: 30", "D012"),
        ("window: 30d", "window: 90s", "D114"),
        ("window: 30d", "window: {calendar: moon}", "D014"),
        ("window: 30d", "window: {calendar: month, timezone: Mars/Phobos}", "D012"),
        ("window: 30d", "window: {calendar: month, timezone: ../etc/passwd}", "D012"),
        ("owner: payments\n  env", "owner: payment\n  env", "D102"),
        ("tier: critical", "tier: []", "D012"),
        ("tier: critical", "tier:", "D012"),
        ("name: latency", "name: availability", "D103"),
        ("default: on", "default: yes", "D107"),
        ("initial: v1", "initial: v9", "D110"),
        ("listen: 127.0.0.1:10000", "listen: 127.0.0.1:99999", "D012"),
        ("listen: 127.0.0.1:10000", "listen: 127.0.0.1:9101", "D111"),
        ("127.0.0.1:9201", "127.0.0.1:9101", "D103"),
        ("weight: 25%", "weight: 5%", "D112"),
        ("weight: 25%", "weight: 125%", "D012"),
        ("weight: 25%", "weight: -5%", "D012"),
        ("weight: 25%", "ring: late", "D250"),
        ("weight: 25%", "tenants: [acme]", "D251"),
        ("weight: 25%", "weight: 25%, tenants: [acme]", "D018"),
        ("weight: 5%", "tenants: []", "D013"),
        ("weight: 5%", f"tenants: [{', '.join(f't{n}' for n in range(101))}]", "D252"),
        ("weight: 25%, for: 5s", "weight: 25%, for: 5h", "D115"),
        ("{objective: availability, burn: 4}", "{objective: availabilty, burn: 4}", "D102"),
        ("{objective: availability, burn: 4}", "{objective: availability, burn: 7}", "D011"),
        ("{objective: availability, burn: 4}", "{burn: 4}", "D011"),
        (
            "{objective: availability, burn: 4}",
            "{objective: availability, burn: 300, windows: [1h, 5m]}",
            "D113",
        ),
        (
            "{objective: availability, burn: 4}",
            "{objective: availability, burn: 4, windows: [1h, 2s]}",
            "D114",
        ),
        ("{objective: availability, burn: 4}", "{tenantShare: 20%}", "D012"),
        ("{objective: availability, burn: 4}", "{canary: worse, breaker: psp}", "D018"),
        ("{flag: new-pricing, set: off}", "{flag: new-pricing, set: false}", "D107"),
        ("{flag: new-pricing, set: off}", "{flag: new-pricing, set: off, for: 5m}", "D105"),
        ("{flag: new-pricing, set: off}", "{rollout: rollback, for: 5m}", "D105"),
        ("{flag: new-pricing, set: off}", "{throttle: 100/s}", "D106"),
        ("{flag: new-pricing, set: off}", "{fallback: on, for: 5m}", "D104"),
        ("{flag: new-pricing, set: off}", "{flags: new-pricing, set: off}", "D018"),
        ("runbooks: [checkout-failing]", "runbooks: [other]", "D102"),
        ("alerts: {page: [pager]}", "alerts: {page: [pagr]}", "D102"),
        ("alerts: {page: [pager]}", "alerts: &a {page: [pager]}", "D004"),
        ("status: 5xx", "status: 700", "D012"),
        ("variants: {on: true, off: false}", "variants: {on: 0.5, off: false}", "D012"),
        ("kind: Team", "kind: Teem", "D016"),
        ("kind: Runbook", "kind: GameDay", "D016"),
        ("apiVersion: focusplane/v1\nkind: Team", "kind: Team", "D011"),
    ],
)
def test_a_mistake_has_its_code(checkout: str, old: str, new: str, expected: str) -> None:
    loaded = changed(checkout, old, new)
    assert loaded.refused
    assert expected in {one.code for one in loaded.problems if one.severity is Severity.ERROR}


def test_a_problem_stands_at_the_value_that_is_wrong() -> None:
    text = "apiVersion: focusplane/v1\nkind: Team\nmetadata: {name: Payments}\nspec: {}\n"
    assert told(load({"a.yaml": text})) == ["3:18 D017"]


def test_words_of_yaml_1_1_stay_words(checkout: str) -> None:
    flag = changed(checkout, "variants: {on: true, off: false}", "variants: {on: yes, off: no}").policies
    assert flag.focuses["checkout"].controls.flags["new-pricing"].variants == {"on": "yes", "off": "no"}


@pytest.mark.parametrize(
    "text",
    [
        "a: [1,\n b: }",
        "a:\tb",
        "a: \x00",
        "a: \ud800",
        "- a",
        "just words",
        "? [a]\n: b",
        "{" * 3000,
        "- " * 3000 + "a",
        "a: !!python/object:os.system b",
        'a: "\\U00110000"',
        'kind: Focus\nmetadata: {name: "\\ud800"}',
        "a: &x [*x]",
        "%YAML 3.0\n--- a",
        "apiVersion: focusplane/v1\nkind: Focus\nmetadata: {name: x}\nspec: {owner: [], objectives: {}}",
        "#" * (600 * 1024),
        "[" + "a," * 45_000 + "]",
    ],
    ids=range(17),
)
def test_what_is_no_policy_is_told_and_never_raised(text: str) -> None:
    loaded = load({"a.yaml": text})
    assert loaded.refused
    assert all(one.path == "a.yaml" and one.line >= 1 and one.column >= 1 for one in loaded.problems)


@pytest.mark.parametrize("text", ["", "# nothing", "---\n---\n", "\ufeff"])
def test_an_empty_document_says_nothing(text: str) -> None:
    assert load({"a.yaml": text}).problems == ()


def test_two_documents_may_not_share_kind_and_name(checkout: str) -> None:
    codes = {one.code for one in load({"a.yaml": checkout, "b.yaml": checkout}).problems}
    assert codes == {"D103"}


def test_two_focuses_may_not_claim_the_same_traffic(checkout: str) -> None:
    twin = checkout.split("\n---\n")[0].replace("name: checkout", "name: basket", 1)
    found = {one.code: one for one in load({"a.yaml": checkout, "b.yaml": twin}).problems}
    assert set(found) == {"D111", "D119"}
    assert found["D111"].path in {"a.yaml", "b.yaml"}


def test_the_same_boundary_in_another_environment_is_another_boundary(checkout: str) -> None:
    twin = checkout.split("\n---\n")[0].replace("name: checkout", "name: basket", 1)
    twin = twin.replace("environment: production", "environment: staging").replace("10000", "10001")
    assert load({"a.yaml": checkout, "b.yaml": twin}).problems == ()


@pytest.mark.parametrize(
    ("mine", "yours", "clash"),
    [
        ("[]", '["GET /x"]', True),
        ('["/refund/*"]', '["POST /refund/1"]', True),
        ('["GET /x"]', '["POST /x"]', False),
        ('["/a/*"]', '["/b/*"]', False),
        ('["/a*"]', '["/a/b/*"]', True),
        ('["/a"]', '["/a/"]', False),
    ],
)
def test_boundaries_overlap_where_one_request_fits_both(mine: str, yours: str, clash: bool) -> None:
    focus = (
        "apiVersion: focusplane/v1\nkind: Focus\nmetadata: {{name: {0}}}\nspec:\n  owner: t\n"
        "  boundary: [{{service: s, routes: {1}}}]\n"
        "  objectives: [{{name: a, target: 99%, window: 30d, sli: {{}}}}]\n---\n"
    )
    team = "apiVersion: focusplane/v1\nkind: Team\nmetadata: {name: t}\nspec: {}\n"
    loaded = load({"a.yaml": focus.format("one", mine) + focus.format("two", yours) + team})
    assert [one.code for one in loaded.problems] == (["D119"] if clash else [])


def test_defaults_lie_under_every_focus_and_the_focus_wins(checkout: str) -> None:
    defaults = (
        "apiVersion: focusplane/v1\nkind: Defaults\nspec:\n"
        "  tier: experimental\n  environment: staging\n  dependsOn: [dns]\n"
        "  rollout: {judge: {alpha: 1%}, freeze: {burn: 2}}\n"
    )
    text = checkout.replace("  environment: production\n", "")
    focus = load({"a.yaml": text, "defaults.yaml": defaults}).policies.focuses["checkout"]
    assert (focus.tier, focus.environment, focus.depends_on) == ("critical", "staging", ("dns",))
    assert focus.rollout is not None
    assert (focus.rollout.judge.alpha, focus.rollout.freeze.burn) == (Fraction(1, 20), 2)


def test_a_mistake_in_the_defaults_is_told_once_and_at_its_own_place(checkout: str) -> None:
    defaults = "apiVersion: focusplane/v1\nkind: Defaults\nspec:\n  tier: huge\n"
    text = checkout.replace("  tier: critical\n", "")
    assert [str(one)[:22] for one in load({"a.yaml": text, "d.yaml": defaults}).problems] == [
        "d.yaml:4:9  error D014"
    ]


def test_a_tombstone_is_read_and_contradicts_what_is_declared(checkout: str) -> None:
    tombstone = "apiVersion: focusplane/v1\nkind: Removed\nmetadata: {{name: {0}}}\n"
    loaded = load({"a.yaml": checkout, "gone.yaml": tombstone.format("basket")})
    assert loaded.problems == ()
    assert loaded.policies.removed == {"basket"}
    for name in ("checkout", "checkout/flag.new-pricing", "team/payments"):
        again = load({"a.yaml": checkout, "gone.yaml": tombstone.format(name)})
        assert [one.code for one in again.problems] == ["D117"]


def test_a_flag_past_its_date_fails_only_against_a_given_day(checkout: str) -> None:
    assert load({"a.yaml": checkout}).problems == ()
    assert load({"a.yaml": checkout}, today="2036-03-31").problems == ()
    assert [one.code for one in load({"a.yaml": checkout}, today="2036-04-01").problems] == ["D109"]


def test_slack_without_words_is_the_budget_of_the_first_availability_objective(checkout: str) -> None:
    text = "\n".join(line for line in checkout.splitlines() if "slack" not in line)
    rollout = load({"a.yaml": text}).policies.focuses["checkout"].rollout
    assert rollout is not None
    assert rollout.judge.slack == Fraction(5, 1000)


def test_what_is_declared_and_not_acted_on_yet_is_said(checkout: str) -> None:
    loaded = changed(checkout, "do: {flag: new-pricing, set: off}", "do: {throttle: 100/s, for: 30m}")
    assert [(one.severity, one.code) for one in loaded.problems] == [(Severity.NOTICE, "D207")]
    assert not loaded.refused
    move = loaded.policies.focuses["checkout"].mitigations[0].move
    assert isinstance(move, SetThrottle)
    assert (move.rate.per_second, move.for_ms) == (100, 1_800_000)


def test_a_calendar_window_is_read_with_its_time_zone(checkout: str) -> None:
    loaded = load(
        {"a.yaml": checkout.replace("window: 30d", "window: {calendar: month, timezone: Europe/Berlin}", 1)}
    )
    assert loaded.problems == ()
    assert loaded.policies.focuses["checkout"].objectives[0].window == Calendar("month", "Europe/Berlin")


def test_a_secret_in_the_open_is_a_warning(checkout: str) -> None:
    loaded = changed(checkout, '"env:PAGER_URL"', '"slack://token@channel"')
    assert [(one.severity, one.code) for one in loaded.problems] == [(Severity.WARNING, "D118")]


def test_an_own_burn_factor_is_watched_among_the_rules_of_its_objective(checkout: str) -> None:
    loaded = changed(checkout, "burn: 4}", "burn: 10, windows: [30m, 5m]}")
    availability, latency = loaded.policies.focuses["checkout"].objectives
    assert loaded.problems == ()
    assert availability.rules[-1] == BurnRule(Level.NONE, 1_800_000, 300_000, factor=Fraction(10))
    assert all(rule.level is not Level.NONE for rule in latency.rules)


STEPLESS = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: search}
spec:
  owner: crew
  objectives: [{name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]
  rollout: {judge: {alpha: 0.01, tolerance: 1.5}, freeze: {budgetBelow: 10%}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
"""


def test_a_rollout_without_steps_says_what_counts_as_worse_where_others_move_the_traffic() -> None:
    loaded = load({"focus.yaml": STEPLESS})
    assert told(loaded) == []
    rollout = loaded.policies.focuses["search"].rollout
    assert rollout is not None
    assert (rollout.steps, rollout.judge.alpha, rollout.judge.slack) == (
        (),
        Fraction(1, 100),
        Fraction(1, 100),
    )
    steps = changed(STEPLESS, "rollout: {", "rollout: {steps: [5%, 100%], ")
    assert told(steps) == ["7:12 D104"], "there is nothing to move in steps"


def test_who_declares_traffic_says_its_steps() -> None:
    traffic = "controls: {traffic: {listen: 127.0.0.1:10000, route: /, versions: {v1: [127.0.0.1:9101]}, initial: v1}}"
    assert told(changed(STEPLESS, "  rollout: {", f"  {traffic}\n  rollout: {{")) == ["8:12 D104"]


ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
FOLDERS = [*(path for path in EXAMPLES if path.name != "checkout-broken"), ROOT / "tests" / "plane"]


@pytest.mark.parametrize("folder", FOLDERS, ids=[path.name for path in FOLDERS])
def test_no_policy_that_others_read_is_past_its_date_for_years(folder: Path) -> None:
    """Whoever tries an example, and every test that reads a policy by the command line, does so on a day that nobody knows."""
    for path in folder.glob("*.yaml"):
        problems = load({path.name: path.read_text()}, today="2035-12-31").problems
        assert "D109" not in [one.code for one in problems]
