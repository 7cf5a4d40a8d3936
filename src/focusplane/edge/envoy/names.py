"""The names that the compiler writes into Envoy and the read-back finds there again."""

import hashlib
from collections.abc import Sequence
from typing import Any

from focusplane.define.controls import Address

Resource = dict[str, Any]
"""One xDS resource in proto3-JSON form."""

KEY_HEADER = "x-focus-key"
"""What the gateway hashes; set by the gateway, overwritten when a client sends it, never forwarded."""
RESEND_HEADER = "x-focus-resend"
MIRROR_HEADER = "x-focus-mirror"
"""On a copy of a request: whose it is and who shall answer, `checkout/v2`. A client's own never gets there."""
MIRROR = "mirror"
"""The cluster, the listener inside Envoy and the routes by which copies go, so that their answers are counted."""
LOCAL_HEADER = "x-focus-local"
"""On a response that Envoy made itself: its response flags."""

METADATA = "focus"
"""The namespace of our metadata on routes and clusters."""

TYPES = "type.googleapis.com/"
EXTENSIONS = TYPES + "envoy.extensions."


def cluster_name(focus: str, version: str, addresses: Sequence[Address]) -> str:
    """`checkout/v2/5f1c09ab`: other addresses make another cluster, so that they too are changed without a lost request."""
    listed = ",".join(sorted(str(address) for address in addresses))
    return f"{focus}/{version}/{hashlib.sha256(listed.encode()).hexdigest()[:8]}"


def mirror_key(focus: str, version: str) -> str:
    return f"{focus}/{version}"


def version_of(cluster: str) -> tuple[str, str]:
    """Focus and version of a cluster name. Raises `ValueError` for a name that is not ours."""
    focus, version, _ = cluster.rsplit("/", 2)
    return focus, version


def listener_name(listen: Address) -> str:
    return f"focus-{listen}"


def extension(name: str, type_name: str, **config: Any) -> Resource:
    """An Envoy extension: its name and its typed configuration below `envoy.extensions`."""
    return {"name": name, "typed_config": {"@type": EXTENSIONS + type_name, **config}}
