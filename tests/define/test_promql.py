"""PromQL of an SLI is parsed, not guessed: what is exact, what is an estimate, and what is refused with its place."""

import pytest

from focusplane.define.focus import SourceKind
from focusplane.define.load import load
from focusplane.define.promql import Estimate, PromqlError, Selector, read_counter, read_histogram
from focusplane.define.sli import Of, PromQl, SliKind

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {{name: shop}}
spec:
  owner: crew
  source: {source}
  objectives:
    - {{name: availability, target: 99%, window: 30d, sli: {sli}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {{name: crew}}
spec: {{members: [ana@example.org]}}
"""
ENGINE = '{prometheus: {url: "http://prom:9090"}}'
COUNTS = "{prometheus: {bad: 'errors_total', total: 'requests_total'}}"


def problems(source: str = ENGINE, sli: str = COUNTS) -> list[tuple[str, int, int, str]]:
    found = load({"shop.yaml": POLICY.format(source=source, sli=sli)}).problems
    return [(one.code, one.line, one.column, one.what) for one in found if one.code.startswith("D31")]


@pytest.mark.parametrize(
    "text",
    [
        'http_requests_total{code=~"5..",path="/a\\"b"}',
        '(http_requests_total{code=~"5..",path="/a\\"b"})',
        'sum(increase(http_requests_total{code=~"5..",path="/a\\"b"}[{{window}}]))',
        'sum by (tenant) (rate(http_requests_total{code=~"5..",path="/a\\"b"}[{{.window}}]))',
    ],
)
def test_a_counter_and_the_sum_of_its_increase_or_rate_are_counted_exactly(text: str) -> None:
    found = read_counter(text)
    assert isinstance(found, Selector)
    assert str(found) == 'http_requests_total{code=~"5..",path="/a\\"b"}'


def test_only_the_labels_that_a_sum_keeps_make_slices() -> None:
    kept = read_counter("sum by (tenant) (rate(x[{{window}}]))")
    dropped = read_counter("sum without (pod) (rate(x[{{window}}]))")
    assert isinstance(kept, Selector)
    assert isinstance(dropped, Selector)
    assert [kept.slices_by(label) for label in ("tenant", "pod")] == [True, False]
    assert [dropped.slices_by(label) for label in ("tenant", "pod")] == [True, False]


def test_every_other_expression_over_the_window_is_an_estimate_and_a_rate_is_multiplied_by_it() -> None:
    both = read_counter("sum(increase(a_total[{{window}}])) + sum(increase(b_total[{{window}}]))")
    assert both == Estimate("sum(increase(a_total[{{window}}])) + sum(increase(b_total[{{window}}]))")
    rate = read_counter("clamp_min(sum(rate(a_total[{{window}}])), 0)")
    assert isinstance(rate, Estimate)
    assert rate.per_second
    assert rate.over(15_000) == "clamp_min(sum(rate(a_total[15s])), 0)"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sum(errors_total", "unclosed"),
        ("sum(errors_total)", "names no window"),
        ("rate(errors_total[5m])", "names no window"),
        ("errors_total offset 5m", "names no window"),
        ("nosuch(errors_total)", "unknown function"),
        ("1", "constant"),
        ("sum(increase(a[{{window}}])) + sum(rate(b[{{window}}]))", "increase and by rate"),
        ("", "no PromQL"),
        ("\x00", "no PromQL"),
        ("(" * 5_000, "no PromQL"),
        ("x[1e9999999]", "no PromQL"),
        ("x offset -99999w999999999d", "names no window"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(PromqlError, match=why):
        read_counter(text)


def test_a_histogram_is_selected_whole() -> None:
    assert str(read_histogram('x_bucket{job="shop"}')) == 'x_bucket{job="shop"}'
    with pytest.raises(PromqlError, match="picks buckets"):
        read_histogram('x_bucket{le="0.3"}')
    with pytest.raises(PromqlError, match="does not select buckets"):
        read_histogram("x_count")


def test_promql_that_does_not_parse_is_an_error_at_its_place() -> None:
    [(code, line, column, what)] = problems(sli="{prometheus: {bad: 'sum(x', total: 'requests_total'}}")
    assert (code, line) == ("D310", 8)
    assert (
        POLICY.format(source=ENGINE, sli="{prometheus: {bad: 'sum(x").splitlines()[7][column - 1 :]
        == "'sum(x}"
    )
    assert "unclosed left parenthesis" in what


@pytest.mark.parametrize(
    ("source", "sli", "code"),
    [
        (ENGINE, "{prometheus: {bad: 'a_total'}}", "D311"),
        (ENGINE, "{prometheus: {ratio: 'a', total: 'b_total'}}", "D311"),
        ('{prometheus: {url: "http://p", every: 10ms}}', COUNTS, "D312"),
        ('{prometheus: {url: "http://p", every: 1h}}', COUNTS, "D312"),
        ('{prometheus: {url: "http://p", headers: {Authorization: Bearer-x}}}', COUNTS, "D313"),
        (ENGINE, "{prometheus: {ratio: 'a'}, bad: {status: 5xx}}", "D314"),
        (ENGINE, "{prometheus: {histogram: 'a_bucket'}}", "D315"),
        (ENGINE, "{prometheus: {ratio: 'a'}, latency: {under: 300ms}}", "D315"),
        ("auto", COUNTS, "D316"),
    ],
)
def test_an_engine_or_a_question_that_cannot_work_is_refused(source: str, sli: str, code: str) -> None:
    assert [one[0] for one in problems(source, sli)] == [code]


@pytest.mark.parametrize("url", ["http://user:pass@prom", "ftp://prom", "prom:9090", "http://prom/?x=1"])
def test_the_address_of_an_engine_is_one_and_holds_no_secret(url: str) -> None:
    found = load({"shop.yaml": POLICY.format(source=f'{{prometheus: {{url: "{url}"}}}}', sli=COUNTS)})
    assert found.refused
    assert "pass" not in "".join(one.hint for one in found.problems)


def test_an_engine_and_its_questions_are_read() -> None:
    source = '{prometheus: {url: "http://prom:9090/", every: 5s, headers: {Authorization: "Bearer env:T"}}}'
    sli = "{prometheus: {histogram: 'x_bucket'}, latency: {under: 300ms}}"
    loaded = load({"shop.yaml": POLICY.format(source=source, sli=sli)})
    assert not loaded.refused, loaded.problems
    focus = loaded.policies.focuses["shop"]
    assert focus.source is SourceKind.PROMETHEUS
    assert focus.engine is not None
    assert (focus.engine.url, focus.engine.every_ms, focus.engine.timeout_ms) == (
        "http://prom:9090",
        5_000,
        5_000,
    )
    read = focus.objectives[0].sli
    assert (read.kind, read.under_ms, read.of) == (SliKind.LATENCY, 300, Of.ALL)
    assert read.promql == PromQl(histogram="x_bucket")
