"""Attribute and metric names: one table for the SDK, OTLP and Envoy (INTERFACE, attributes on telemetry)."""

FOCUS_ID = "focus.id"
"""Which capability: the name of the focus. On every point, span and log; baggage carries it between services."""
TENANT_ID = "tenant.id"
"""Whose request. Baggage carries it between services."""
TENANT_CLASS = "tenant.class"
"""What kind of tenant, such as its plan: a rollout is judged within each kind and route. Few values."""
BAGGAGE = "baggage"
"""The header of W3C Baggage, also on messages of a queue."""
COST = "focus.cost"
"""What the request cost, in a unit of your own (money, tokens, bytes), on its span or point: a rollout may be judged by it."""
SERVICE_NAME = "service.name"
"""Who served it; a boundary matches it."""
SERVICE_VERSION = "service.version"
"""Which version served it: the arm of a rollout."""
SERVICE_INSTANCE = "service.instance.id"
"""Which instance served it, so that one sick instance is not taken for a sick version."""
ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
"""Environments are never counted together; telemetry without one belongs to the plane's own."""
METHOD = ("http.request.method", "http.method")
"""HTTP method, for boundaries."""
ROUTE = ("http.route", "http.target")
"""The template of the path, for boundaries and slices."""
STATUS = ("http.response.status_code", "http.status_code")
"""HTTP status of the answer, as the user saw it."""
ERROR_TYPE = "error.type"
"""Set on failures; the class of the error."""
RPC_SYSTEM = ("rpc.system.name", "rpc.system")
"""Such as `grpc`."""
RPC = "RPC"
"""The method under which the SDK keeps a remote procedure call; it is written as `rpc.*`, not as HTTP."""
RPC_METHOD = "rpc.method"
"""The method called, for boundaries."""
RPC_SERVICE = "rpc.service"
"""The service of the method called."""
RPC_STATUS = ("rpc.response.status_code", "rpc.grpc.status_code")
"""Status code of the call."""
RESEND = "http.request.resend_count"
"""Above 0 on a retry."""
REQUEST_KEY = "focus.request.key"
"""From `idempotency-key`: which attempts are one logical request. The SDK joins those that reach one process: the first
success counts, else the last failure within five seconds. Elsewhere each attempt counts, unless an SLI leaves retries out (`exclude: {resend: true}`)."""
SYNTHETIC = "focus.synthetic"
"""True on probes and tests; excluded from an SLI unless it asks for them."""
MIRROR = "focus.mirror"
"""Of a gateway that copies requests: `original`, or `copy`, whose answer nobody gets. A copy is no user's request and is in no
SLI, whatever the policy says of synthetic ones."""
ORIGINAL, COPY = "original", "copy"
FOREIGN_COPY = "foreign"
"""A copy by somebody else's gateway, by its host."""
HOST = ("server.address", "http.host", "net.host.name")
"""Which host was asked for. Read only where a policy mirrors: Envoy, and what is built on it, appends `-shadow` on copies."""
SHADOW = "-shadow"
SYNTHETIC_AGENT = "user_agent.synthetic.type"
"""OpenTelemetry's mark of a synthetic user agent (`bot`, `test`)."""
CLIENT = "client.id"
"""Which client asked: an app, a browser, a partner. Those beyond the most that are counted apart are counted as `other`."""
REGION = "cloud.region"
"""A slice in which a failure may stay."""
PROXY_FLAG = "focus.proxy.flag"
"""Why a proxy answered itself: Envoy's response flags (UF, UO, RL, ...)."""

SOURCE = "focus.source"
"""On the resource: `edge` when a proxy counted."""
EDGE_SERVICE = "focus-edge"
"""The service name under which our own Envoy reports."""
OVERFLOW = "otel.metric.overflow"
"""The point into which an SDK throws what exceeds its cardinality limit: not attributable, never counted."""

METRIC_REQUESTS = "focus.requests"
"""Counter of requests, from the SDK and from our Envoy."""
METRIC_DURATION = "focus.duration"
"""Histogram of durations, from the SDK (seconds) and from our Envoy (milliseconds)."""
# Our Envoy sends both as OTLP deltas each second (resource: service.name=EDGE_SERVICE, SOURCE=edge, service.instance.id,
# deployment.environment.name), all attributes as strings, "" where nothing was said, PROXY_FLAG "-" for none:
#   focus.requests  FOCUS_ID, SERVICE_VERSION, STATUS[0], SYNTHETIC ("t" is true), MIRROR, TENANT_ID, PROXY_FLAG, RESEND
#                   (first digit)
#   focus.duration  FOCUS_ID, SERVICE_VERSION, STATUS[0], SYNTHETIC, MIRROR; in MILLISECONDS with an empty unit, unlike the SDK's
# Every request is in focus.duration; one beyond Envoy's limit of counters is missing from focus.requests.
# A point whose FOCUS_ID is "" met no focus (404 at the gateway). Recorded payloads: tests/data/envoy/*.bin.
METRIC_VARIANT = "focus.variant.duration"
"""Histogram of the durations of requests that evaluated a flag, in seconds, from the SDK: one for each flag of a request,
beside `focus.duration`, which alone counts for the focus."""
FLAG_KEY = "feature_flag.key"
"""Which flag was evaluated. Read on that metric, on spans that are counted, and on their events."""
FLAG_VARIANT = ("feature_flag.result.variant", "feature_flag.variant")
"""The variant that was served: the arm that its requests belong to."""
FLAG_VERSION = "feature_flag.version"
"""Which revision of the rules decided: from our SDK the generation of the control."""
FLAG_SET = "feature_flag.set.id"
"""Whose flag it is: the focus that declares it, where that is not the focus of the request."""
FLAG_REASON = ("feature_flag.result.reason", "feature_flag.evaluation.reason", "feature_flag.reason")
"""Why; an `error` served what stands in the code, and no variant."""
REASON_NAMED = "named"
"""Our SDK's word for a tenant that a rollout in steps names: its metric of variants says no tenant, and these are compared with
nobody once chance decides for the others."""
FLAG_EVENTS = frozenset({"feature_flag.evaluation", "feature_flag"})
"""Span events that say so."""
METRIC_GATEWAY = "http.update_time"
"""A gauge that our Envoy sends each second for each listener that has routes, also while nobody asks for anything: of a
counter that does not grow it says nothing."""
LISTENER = "focus.listener"
"""On that gauge: the address of the listener, `:` written as `_`."""
METRIC_UNITS = {"s": 1_000, "ms": 1}
"""Milliseconds in a unit that a metric names."""
DURATION_SECONDS = (
    "http.server.request.duration",
    "rpc.server.call.duration",
    METRIC_DURATION,
    METRIC_VARIANT,
)
"""Histograms read for SLIs, in seconds."""
DURATION_MILLISECONDS = ("http.server.duration", "rpc.server.duration")
"""Histograms read for SLIs, in milliseconds."""

METRIC_ASKED = "focus.asked"
"""What a PromQL engine answered for one objective: nobody sends it. Its points carry FOCUS_ID, OBJECTIVE and PART."""
OBJECTIVE = "focus.objective"
"""On that: the objective that asked."""
PART = "focus.part"
"""On that: `total`, `bad`, `good`, or `buckets`; `all` is a total of which only the good ones are known."""

SCRAPED_HTTP = "http_requests_total"
"""Counter of HTTP requests as Prometheus clients name it; read by remote write."""
SCRAPED_SPRING = "http_server_requests_seconds_count"
"""The same as Micrometer (Spring Boot) names it."""
SCRAPED_GRPC = "grpc_server_handled_total"
"""Counter of answered gRPC calls, as the gRPC middlewares for Prometheus name it."""
SCRAPED_TIMES = (
    "http_request_duration_seconds",
    "http_server_requests_seconds",
    "grpc_server_handling_seconds",
)
"""Histograms of Prometheus clients that do not say how a request ended: they time, and never count."""

OTHER = "other"
"""The value that takes what exceeds a cardinality budget."""
