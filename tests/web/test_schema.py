"""The API against its own OpenAPI document: nothing that anybody can send makes it fail."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from focusplane.web.app import build_app

_OTHER = ("/ofrep/", "/api/v2/")
"""Protocols of others, whose errors have a shape of their own."""


def test_nothing_that_anybody_sends_makes_a_server_error(plane: Any, tokens: Any) -> None:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", build_app(plane, tokens, ("testserver",)))
    operations = [one.ok() for one in schema.get_all_operations() if not one.ok().path.endswith("/events")]
    assert len(operations) > 30
    headers = {"host": "127.0.0.1:7600", "authorization": "Bearer admin-token"}

    @settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.data())
    def tried(data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(operations), label="operation")
        case = data.draw(operation.as_strategy(), label="case")
        if isinstance(case.query, dict):
            case.query.pop("wait", None)
        answer = case.call(headers=headers)
        assert answer.status_code < 500, (operation.label, answer.text)
        if answer.status_code >= 400 and not operation.path.startswith(_OTHER):
            assert (
                answer.headers["content-type"][0] == "application/problem+json" or answer.status_code == 403
            )

    tried()
