"""The same requests under several metric names are counted once."""

from focusplane.instrument.precedence import HELD_MS, Emitter, Precedence
from focusplane.instrument.signal import Source

PAYMENT = Emitter("checkout", "production", Source.APP, "payment", "v1")
OTHER = Emitter("checkout", "production", Source.APP, "payment", "v2")


def test_our_own_counters_win_over_those_of_opentelemetry() -> None:
    precedence = Precedence()
    precedence.note(PAYMENT, "http.server.request.duration", 1_000)
    assert precedence.better(PAYMENT, "http.server.request.duration") == ""
    precedence.note(PAYMENT, "focus.requests", 2_000)
    assert precedence.better(PAYMENT, "http.server.request.duration") == "focus.requests"
    assert precedence.better(PAYMENT, "focus.duration") == "focus.requests"  # which makes it timing only
    assert precedence.better(OTHER, "http.server.request.duration") == ""


def test_new_names_win_over_old_ones_but_http_never_hides_rpc() -> None:
    precedence = Precedence()
    precedence.note(PAYMENT, "http.server.request.duration", 1_000)
    assert precedence.better(PAYMENT, "http.server.duration") == "http.server.request.duration"
    assert precedence.better(PAYMENT, "rpc.server.duration") == ""


def test_a_metric_that_fell_silent_gives_its_place_up() -> None:
    precedence = Precedence()
    precedence.note(PAYMENT, "focus.requests", 1_000)
    precedence.note(PAYMENT, "http.server.duration", 1_000 + HELD_MS)
    assert precedence.better(PAYMENT, "http.server.duration") == "focus.requests"
    precedence.note(PAYMENT, "http.server.duration", 1_001 + HELD_MS)
    assert precedence.better(PAYMENT, "http.server.duration") == ""


def test_the_memory_is_bounded() -> None:
    precedence = Precedence(limit=1)
    precedence.note(PAYMENT, "http.server.request.duration", 1_000)
    precedence.note(OTHER, "http.server.request.duration", 1_000)
    assert precedence.better(PAYMENT, "http.server.duration") == ""
