"""What Kubernetes says of its objects, as changes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from focusplane.wire.kubernetes_changes import MOST, Changed, Unread, kubernetes_changes

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "payment-web",
        "uid": "0f1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app.kubernetes.io/name": "payment"},
        "annotations": {"deployment.kubernetes.io/revision": "42"},
    },
    "spec": {"template": {"spec": {"containers": [{"image": "registry.example:5000/shop/payment:v2@sha256:ab"}]}}},
    "status": {"conditions": [{"type": "Progressing", "lastUpdateTime": "2026-01-02T03:04:05Z"}]},
}  # fmt: skip
SCALED = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"uid": "e1"},
    "involvedObject": {"kind": "Deployment", "name": "payment-web"},
    "reason": "ScalingReplicaSet",
    "message": "Scaled up replica set payment-web-7f to 3",
    "lastTimestamp": "2026-01-02T03:04:06Z",
}
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Event",
    "auditID": "a1",
    "verb": "patch",
    "user": {"username": "ana@example.org"},
    "objectRef": {"resource": "configmaps", "name": "payment-limits"},
    "responseStatus": {"code": 200},
    "requestReceivedTimestamp": "2026-01-02T03:04:07.123456Z",
}
BACKOFF = {**SCALED, "reason": "BackOff", "metadata": {"uid": "e2"}}


def test_a_rollout_a_scaling_and_an_edit_are_changes_with_their_time_and_author() -> None:
    found = list(kubernetes_changes({"kind": "List", "items": [DEPLOYMENT, SCALED, AUDIT, BACKOFF]}))
    assert found == [
        Changed(
            "deploy",
            "Deployment payment-web runs payment:v2@sha256:ab (revision 42)",
            "payment",
            "v2",
            1_767_323_045_000,
            "",
            "kubernetes 0f1 42",
        ),
        Changed(
            "config",
            "payment-web: Scaled up replica set payment-web-7f to 3",
            "payment-web",
            "",
            1_767_323_046_000,
            "",
            "kubernetes e1 1767323046000",
        ),
        Changed(
            "config",
            "patch configmaps payment-limits",
            "payment-limits",
            "",
            1_767_323_047_123,
            "ana@example.org",
            "kubernetes a1",
        ),
        Unread("payment-web", "BackOff is no change"),
    ]


def test_a_watched_object_is_the_same_change_and_a_new_revision_another() -> None:
    (watched,) = kubernetes_changes({"type": "MODIFIED", "object": DEPLOYMENT})
    assert [watched] == list(kubernetes_changes(DEPLOYMENT))
    newer = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "annotations": {"deployment.kubernetes.io/revision": "43"}}}  # fmt: skip
    (other,) = kubernetes_changes(newer)
    assert isinstance(watched, Changed)
    assert isinstance(other, Changed)
    assert other.id != watched.id


def test_what_was_refused_or_only_read_is_no_change() -> None:
    refused = {**AUDIT, "responseStatus": {"code": 403}}
    looked = {**AUDIT, "verb": "get"}
    assert all(isinstance(one, Unread) for one in kubernetes_changes([refused, looked, {"kind": "Pod"}, 7]))


def test_more_objects_than_are_read_are_told() -> None:
    found = list(kubernetes_changes([SCALED] * (MOST + 5)))
    assert len(found) == MOST + 1
    assert isinstance(found[-1], Unread)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["kind", "apiVersion", "metadata", "spec", "template", "items", "object", "labels", "status"])
        | st.text(max_size=3),
        inner,
        max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip


@given(JSON)
def test_whatever_is_said_is_read_or_passed_over(said: object) -> None:
    assert all(isinstance(one, Changed | Unread) for one in kubernetes_changes(said))


@given(st.sampled_from(["Deployment", "Event"]), JSON, JSON)
def test_objects_of_any_shape_are_read_or_passed_over(kind: str, meta: object, spec: object) -> None:
    said = {
        "kind": kind,
        "metadata": meta,
        "spec": spec,
        "involvedObject": spec,
        "reason": "ScalingReplicaSet",
    }
    assert all(isinstance(one, Changed | Unread) for one in kubernetes_changes(said))
