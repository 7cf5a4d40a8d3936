"""Envoy itself as the linter."""

from dataclasses import replace
from fractions import Fraction

import pytest
from tests.edge.envoy.world import board_of, focus_of, local

from focusplane.control.state import TrafficState
from focusplane.edge.envoy import lint as linter
from focusplane.edge.envoy.bootstrap import rest_source
from focusplane.edge.envoy.lint import Accepted, NotChecked, Rejected, lint
from focusplane.edge.envoy.resources import Memo, Resources, compile_resources

STATE = TrafficState("v1", {"v1": Fraction(9, 10), "v2": Fraction(1, 10)}, "v2", "50%")


def resources(route: str) -> Resources:
    focus = focus_of("checkout", local(10_000), {"v1": (local(1),), "v2": (local(2),)}, route)
    return compile_resources(
        {"checkout": focus}, board_of(1, checkout=STATE), lambda _: rest_source(), Memo()
    )


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
def test_what_we_compile_is_accepted() -> None:
    assert lint(resources("/checkout")) == Accepted()


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
def test_what_envoy_would_reject_is_said_in_its_own_words() -> None:
    said = lint(resources("/a?b"))
    assert isinstance(said, Rejected)
    assert "path" in said.why


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
def test_a_route_to_a_cluster_that_is_not_there_is_found() -> None:
    said = lint(replace(resources("/checkout"), clusters={}))
    assert isinstance(said, Rejected)
    assert "unknown" in said.why


def test_without_envoy_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linter, "find_envoy", lambda: "")
    assert lint(resources("/checkout")) == NotChecked("pip install 'focusplane[envoy]'")
