"""`good`, `total` and attributes of an SLI: what is read, and which contradictions are refused with their place."""

import pytest

from focusplane.define.load import Loaded, load
from focusplane.define.problem import Severity
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Dimension, Grouping

POLICY = """\
apiVersion: focusplane/v1
kind: Focus
metadata: {name: app}
spec:
  owner: mobile
  boundary: [{service: app}]
  objectives:
    - {name: crash-free, target: 99.5%, window: 30d, sli: SLI}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: mobile}
spec: {members: [ana@example.org]}
"""


def read(sli: str) -> Loaded:
    return load({"focus.yaml": POLICY.replace("SLI", sli)})


def told(loaded: Loaded) -> list[tuple[str, str]]:
    return [(one.code, one.what) for one in loaded.problems if one.severity is not Severity.NOTICE]


def sli_of(text: str) -> Sli:
    loaded = read(text)
    assert told(loaded) == []
    return loaded.policies.focuses["app"].objectives[0].sli


def test_good_of_total_is_read_and_bad_then_names_nothing() -> None:
    sli = sli_of("{good: {status: [2xx, 3xx]}, total: {routes: [POST /pay]}}")
    assert sli.good == Match(status=("2xx", "3xx"))
    assert sli.total == Match(routes=("POST /pay",))
    assert sli.bad == Match()


def test_bad_of_total_keeps_its_default_and_a_latency_sli_may_have_a_total() -> None:
    assert sli_of("{total: {routes: /pay}}").bad == Match(status=("5xx",))
    timed = sli_of("{latency: {under: 300ms}, total: {routes: /pay}}")
    assert (timed.kind, timed.total) == (SliKind.LATENCY, Match(routes=("/pay",)))


def test_attributes_are_read_in_any_order_and_as_people_write_them() -> None:
    one = sli_of("{bad: {attributes: {app.crash: true, app.kind: [b, a]}}}")
    other = sli_of('{bad: {attributes: {app.kind: [a, b, a], app.crash: "true"}}}')
    assert one == other
    assert one.bad.attributes == (("app.crash", ("true",)), ("app.kind", ("a", "b")))


@pytest.mark.parametrize(
    ("sli", "code", "words"),
    [
        ("{good: {status: 2xx}, bad: {status: 5xx}}", "D240", "`good` and `bad` at once"),
        ("{bad: {attributes: {a b: x}}}", "D017", "the key of an attribute"),
        ("{bad: {attributes: {a: []}}}", "D013", "at least 1"),
        ('{bad: {attributes: {a: ""}}}', "D241", "empty value"),
        ("{bad: {attributes: {a: [" + ",".join(map(str, range(51))) + "]}}}", "D241", "more than"),
        ("{bad: {attributes: {" + ",".join(f"a{n}: x" for n in range(9)) + "}}}", "D241", "more than 8"),
        ("{total: {}}", "D242", "`total: {}` fits no answer"),
        ("{good: {}}", "D242", "`good: {}` fits no answer"),
        ("{good: {routes: /pay}, total: {routes: /pay}}", "D243", "no answer can ever be bad"),
        ("{bad: {routes: /pay}, total: {routes: /pay}}", "D243", "every answer is bad"),
        ("{total: {routes: /pay}, exclude: {routes: /pay}}", "D244", "nothing is left to count"),
        ("{bad: {status: 404}, exclude: {status: 404}}", "D244", "never counted"),
        ("{bad: {status: 503}, total: {status: 2xx}}", "D245", "status 503 is not among 2xx"),
        ("{good: {tenants: acme}, total: {tenants: other}}", "D245", "tenants acme are not among other"),
        (
            "{good: {attributes: {e: click}}, total: {attributes: {e: view}}}",
            "D245",
            "e cannot be click and view",
        ),
        ("{total: {status: 2xx}}", "D245", "status 5xx is not among 2xx"),
    ],
)
def test_a_contradiction_is_told_with_its_code(sli: str, code: str, words: str) -> None:
    found = told(read(sli))
    assert [one for one, _ in found] == [code]
    assert words in found[0][1]


def test_what_only_might_overlap_is_no_contradiction() -> None:
    assert told(read("{bad: {status: 5xx}, total: {status: [503, 2xx], routes: [/a, /b/*]}}")) == []
    assert told(read("{bad: {routes: /a/*}, total: {routes: /a/b}}")) == []


def test_groups_are_read_short_and_long_and_bounded() -> None:
    def by(text: str) -> Loaded:
        return load(
            {"focus.yaml": POLICY.replace("window: 30d, sli: SLI", f"window: 30d, by: {text}, sli: {{}}")}
        )

    assert by("tenant").policies.focuses["app"].objectives[0].by == Grouping(Dimension.TENANT, 50)
    assert by("{dimension: client, most: 7}").policies.focuses["app"].objectives[0].by == Grouping(
        Dimension.CLIENT, 7
    )
    assert [code for code, _ in told(by("customer"))] == ["D012"]
    assert [code for code, _ in told(by("{dimension: tenant, most: 501}"))] == ["D012"]
