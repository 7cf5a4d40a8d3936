"""What callers may send, bounded and storable; unknown keys are refused."""

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from focusplane.wire.json_door import storable

Text = Annotated[str, Field(max_length=2_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: Any) -> Any:
        """`NaN`, `1e999` and lone surrogates parse; a journal would give back something else. Raises `WordsError`."""
        storable(sent, "the body")
        return sent


class ControlBody(Body):
    """`state` as policies write it: `{"variant": "off"}`, `{"rate": "100/s"}`, `{"weights": {"v1": "100%"}}`."""

    state: Annotated[dict[str, Any], Field(max_length=50)]
    reason: Annotated[str, Field(min_length=1, max_length=2_000)]
    lasts: Annotated[str | None, Field(alias="for", max_length=20)] = None


class RolloutBody(Body):
    """`{"version": "v2"}`, or of a flag `{"variant": "on", "flag": "new-pricing"}`; `version` will do for the variant too.

    `hotfix` goes through a freeze of the focus, if its policy has a lane for that, and needs a `reason`; `replace` aborts
    a rollout that runs, first.
    """

    version: Annotated[Name, Field(validation_alias=AliasChoices("version", "variant"))]
    flag: Annotated[str, Field(max_length=200)] = ""
    reason: Text = ""
    hotfix: bool = False
    replace: bool = False


class ReleaseBody(Body):
    """`members` maps a focus to its version; they are taken back in the reverse of this order."""

    members: Annotated[dict[Name, Name], Field(min_length=2, max_length=20)]
    reason: Text = ""


class PlanQuery(Body):
    """A rate such as `100/s`, shares such as `0.1%`, a duration such as `30m`; empty is observed, or not asked for."""

    traffic: Annotated[str, Field(max_length=20)] = ""
    failing: Annotated[str, Field(alias="from", max_length=20)] = ""
    to: Annotated[str, Field(max_length=20)] = ""
    within: Annotated[str, Field(max_length=20)] = ""
    flag: Annotated[str, Field(max_length=100)] = ""


class ReasonBody(Body):
    reason: Text = ""


class NoteBody(Body):
    text: Annotated[str, Field(min_length=1, max_length=10_000)]


class ChangeBody(Body):
    """`at` is Unix milliseconds; 0 means now. `exposure` is the share of the traffic it touches: `5%`. `author` is whose
    change it is: it is recorded beside the name of the token that tells of it, never in its place. Without `focus` it
    is of every focus whose boundary has `service` and `route` and that carries `labels`. The same `id` again adds nothing.
    """

    kind: Annotated[str, Field(pattern="^(deploy|flag|config|migration|rollout|other)$")]
    what: Annotated[str, Field(min_length=1, max_length=2_000)]
    focus: Annotated[str, Field(max_length=200)] = ""
    service: Annotated[str, Field(max_length=200)] = ""
    route: Annotated[str, Field(max_length=500)] = ""
    labels: Annotated[dict[str, str], Field(max_length=20)] = {}
    version: Annotated[str, Field(max_length=200)] = ""
    tenant: Annotated[str, Field(max_length=200)] = ""
    region: Annotated[str, Field(max_length=200)] = ""
    exposure: Annotated[str, Field(max_length=20)] = "100%"
    at: Annotated[int, Field(ge=0, le=2**53)] = 0
    author: Annotated[str, Field(max_length=200)] = ""
    id: Annotated[str, Field(max_length=200)] = ""


class CorrectionBody(Body):
    """`from`, `to` and `expires` are Unix milliseconds; `expires` 0 means when no window reaches it any more. No objective
    means all of them. `author` stands for it, and is recorded beside the name of the token.
    """

    focus: Name
    since: Annotated[int, Field(alias="from", ge=0, le=2**53)]
    to: Annotated[int, Field(ge=0, le=2**53)]
    mode: Annotated[str, Field(alias="as", pattern="^(exclude|good)$")]
    reason: Annotated[str, Field(min_length=1, max_length=2_000)]
    objective: Annotated[str, Field(max_length=200)] = ""
    author: Annotated[str, Field(max_length=200)] = ""
    expires: Annotated[int, Field(ge=0, le=2**53)] = 0


class SilenceBody(Body):
    """Which failures (a focus, or labels; a tenant, an objective, up to a level), and either `for` or `until`. `until` and
    `from` are Unix milliseconds; `from` 0 means now.
    """

    reason: Annotated[str, Field(min_length=1, max_length=2_000)]
    focus: Annotated[str, Field(max_length=200)] = ""
    labels: Annotated[dict[Name, Name], Field(max_length=20)] = Field(default_factory=dict)
    tenant: Annotated[str, Field(max_length=200)] = ""
    objective: Annotated[str, Field(max_length=200)] = ""
    level: Annotated[str, Field(max_length=20)] = "outage"
    lasts: Annotated[str | None, Field(alias="for", max_length=20)] = None
    until: Annotated[int, Field(ge=0, le=2**53)] = 0
    start: Annotated[int, Field(alias="from", ge=0, le=2**53)] = 0
    blindness: bool = False


class FreezeBody(Body):
    """`focus` empty means all of them."""

    focus: Annotated[str, Field(max_length=200)] = ""
    reason: Text = ""


class AdoptBody(Body):
    """`stable` maps a focus to the version that gets its traffic."""

    reason: Annotated[str, Field(min_length=1, max_length=2_000)]
    stable: Annotated[dict[Name, Name], Field(max_length=1_000)] = Field(default_factory=dict)


class TicketBody(Body):
    role: Annotated[str, Field(pattern="^(operator|approver|viewer)$")] = "operator"


class ContextBody(BaseModel):
    """OFREP: clients add their own keys, so unknown ones are let through."""

    model_config = ConfigDict(extra="allow")
    context: Annotated[dict[str, Any], Field(max_length=200)] = Field(default_factory=dict)
