from pathlib import Path

from focusplane.demo.loadlog import Hit, LoadLog, load_stats, to_line


def hit(end: int, version: str = "v1", status: int = 200, tenant: str = "acme", **more: object) -> Hit:
    key = str(more.pop("key", f"k{end}"))
    return Hit(end - 10, end, tenant, key, "visa", status, version, **more)  # type: ignore[arg-type]


def test_only_attempts_that_ended_inside_are_counted() -> None:
    stats = load_stats([hit(99), hit(100), hit(199), hit(200)], 100, 200)
    assert (stats.total, stats.failed) == (2, 0)


def test_failures_are_told_apart_by_version_with_first_bad_and_last_request() -> None:
    stats = load_stats(
        [hit(1), hit(2, "v2"), hit(3, "v2", 502, "bmo"), hit(4, "v2", 503, "cat"), hit(5, "v2")], 0, 10
    )
    assert stats.arm("v2").first_bad == 3
    assert stats.arm("v2").last_request == -5
    assert stats.arm("v2").failed_share == 0.5
    assert stats.arm("v2").tenants_hurt == {"bmo", "cat"}
    assert stats.arm("v1").failed == 0
    assert stats.arm("v1").first_bad is None


def test_a_version_that_answered_nothing_has_zeros() -> None:
    assert load_stats([], 0, 1).arm("v9").failed_share == 0.0


def test_synthetic_requests_hurt_nobody() -> None:
    stats = load_stats([hit(1, "v2", 500, synthetic=True), hit(2)], 0, 10)
    assert (stats.total, stats.failed, stats.synthetic) == (1, 0, 1)


def test_a_user_whose_resend_worked_is_not_lost() -> None:
    stats = load_stats(
        [hit(1, status=502, key="a"), hit(2, key="a", resend=True), hit(3, status=502, key="b")], 0, 10
    )
    assert (stats.failed, stats.resends, stats.users, stats.users_lost) == (2, 1, 2, 1)


def test_no_answer_at_all_is_a_failure_with_its_cause() -> None:
    stats = load_stats([hit(1, "", 0, error="timeout"), hit(2, "", 0, error="timeout")], 0, 10)
    assert stats.failed == 2
    assert stats.errors == {"timeout": 2}


def test_client_errors_are_not_failures_of_the_service() -> None:
    assert load_stats([hit(1, status=404)], 0, 10).failed == 0


def test_a_growing_log_is_read_on_from_where_it_was_and_half_a_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "load.jsonl"
    log = LoadLog(path)
    assert list(log.read()) == []
    line = to_line(hit(2, "v2", 502, synthetic=True))
    path.write_bytes(to_line(hit(1)) + line[:20])
    assert list(log.read()) == [hit(1)]
    with path.open("ab") as file:
        file.write(line[20:])
    assert list(log.read()) == [hit(1), hit(2, "v2", 502, synthetic=True)]
