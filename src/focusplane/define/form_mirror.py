"""The keys of a mirror: the step of a rollout in which the new version gets copies, and nobody its answers."""

from fractions import Fraction

from focusplane.define.quantities import PAUSE, SHARE, whole
from focusplane.define.rollout import READS, By, Mirror
from focusplane.define.shape import Field, Record, Shape, Values
from focusplane.define.shapes import Choice, Either, ListOf, Scalar, one_of

WRITES = ("POST", "PUT", "PATCH", "DELETE")
ACCEPTED = "accepted"

PERCENT_OF = Field[Fraction]("percent", SHARE, "The share of the requests that is copied.", required=True)
METHODS = Field[tuple[str, ...]](
    "methods",
    ListOf(Choice({word: word for word in (*READS, *WRITES)}), least=1, single=True),
    "Requests with these methods are copied.",
    READS,
)
SIDE_EFFECTS = Field(
    "sideEffects",
    Choice({ACCEPTED: True}),
    "What a copied request does is done twice: `accepted` allows methods that write.",
    False,
)
BY = Field(
    "by",
    one_of(By),
    "Who copies: the gateway, which counts both answers, or others, who tell how the pairs ended.",
    By.GATEWAY,
)
FOR = Field("for", PAUSE, "At least this long.", 0)
MIN_REQUESTS = Field("minRequests", whole(0, 10**9), "At least so many mirrored requests.", 0)


def _mirror(values: Values) -> Mirror:
    found = Mirror(
        values[PERCENT_OF],
        values[METHODS],
        values[BY],
        values[FOR],
        values[MIN_REQUESTS],
        values[SIDE_EFFECTS],
    )
    writes = [method for method in found.methods if method not in READS]
    if writes and not found.accepted:
        what = f"what a copied {' or '.join(writes)} does is done twice: two orders, two mails"
        values.error(METHODS, "D254", what, "methods: [GET, HEAD], or say `sideEffects: accepted`")
    return found


_RECORD = Record("a mirror", (PERCENT_OF, METHODS, SIDE_EFFECTS, BY, FOR, MIN_REQUESTS), _mirror)
_SHAPE: Shape[Mirror] = Either(
    Scalar(SHARE.words, lambda text: Mirror(SHARE.parse(text)), SHARE.json, SHARE.hint), _RECORD
)
MIRROR = Field[Mirror | None](
    "mirror",
    _SHAPE,
    "Before the first step: the new version gets copies of so many requests, and nobody gets its answers.",
    None,
)
