"""Runs in an environment of its own: flagd's official in-process provider follows our sync stream. A JSON array a line in,
a JSON answer a line out: `["value", key, default, context]`, `["status"]`, `["changed"]` since it was asked last.
"""

import json
import sys
import time

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent

changed = []


def details(client, key, default, context):
    who = EvaluationContext(targeting_key=context.pop("targetingKey", None), attributes=context)
    kind = "boolean" if isinstance(default, bool) else "string"
    found = getattr(client, f"get_{kind}_details")(key, default, who)
    return {
        "value": found.value,
        "variant": found.variant,
        "reason": str(found.reason),
        "error": str(found.error_code or ""),
    }


def main(port, selector):
    provider = FlagdProvider(
        resolver_type=ResolverType.IN_PROCESS,
        host="127.0.0.1",
        port=port,
        tls=False,
        selector=selector,
        deadline_ms=60000,
    )
    api.set_provider(provider)
    client = api.get_client()
    client.add_handler(
        ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda event: changed.extend(event.flags_changed or [])
    )
    deadline = time.monotonic() + 120
    while client.get_provider_status().value != "READY" and time.monotonic() < deadline:
        time.sleep(0.01)
    for line in sys.stdin:
        word, *rest = json.loads(line)
        if word == "value":
            answer = details(client, *rest)
        elif word == "changed":
            answer = sorted(set(changed))
            changed.clear()
        else:
            answer = client.get_provider_status().value
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    api.shutdown()


main(int(sys.argv[1]), sys.argv[2] or None)
