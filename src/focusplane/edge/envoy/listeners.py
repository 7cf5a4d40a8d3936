"""One listener for each address, whichever focuses share it."""

from focusplane.define.controls import Address
from focusplane.edge.envoy.names import (
    KEY_HEADER,
    LOCAL_HEADER,
    MIRROR_HEADER,
    Resource,
    extension,
    listener_name,
)
from focusplane.edge.envoy.routes import KEY_FILTER
from focusplane.edge.envoy.telemetry import access_log

LOCAL_FLAGS = ["UH", "UF", "UO", "NC", "UC", "UT", "NR", "URX", "LR", "UR"]
PICK_AGAIN = """
function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get("{key}") == nil then return end
  if headers:get("{tenant}") == nil then headers:remove("{key}") else handle:clearRouteCache() end
end
"""
"""Makes Envoy pick the weighted cluster again, now that the key is there; a request without a tenant keeps its lot.

Of all filters that clear the route cache this is the only one without side effects and remote calls.
"""


def listener(listen: Address, tenant_header: str, source: Resource) -> Resource:
    """The listener; its routes come from `source` under the same name."""
    name = listener_name(listen)
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        codec_type="AUTO",
        rds={"route_config_name": name, "config_source": source},
        early_header_mutation_extensions=[_forget()],
        http_filters=_filters(tenant_header),
        access_log=[access_log(tenant_header)],
        local_reply_config={"mappers": [_local_reply()]},
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        # Everybody is outside: what a client says in x-envoy-* (retries, timeouts) is not obeyed.
        use_remote_address=True,
        internal_address_config={"unix_sockets": False},
        generate_request_id=False,
        server_name="focus-edge",
        server_header_transformation="PASS_THROUGH",
        request_timeout="60s",
        request_headers_timeout="10s",
    )
    return {
        "name": name,
        "address": {"socket_address": {"address": listen.host, "port_value": listen.port}},
        "filter_chains": [{"filters": [manager]}],
    }


def _forget() -> Resource:
    """A client that sends the key itself could choose its version, and one that says it is a copy would count nowhere."""
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[{"remove": KEY_HEADER}, {"remove": MIRROR_HEADER}],
    )


def _filters(tenant_header: str) -> list[Resource]:
    source = PICK_AGAIN.replace("{key}", KEY_HEADER).replace("{tenant}", tenant_header)
    return [
        extension(KEY_FILTER, "filters.http.header_mutation.v3.HeaderMutation"),
        extension(
            "envoy.filters.http.lua",
            "filters.http.lua.v3.Lua",
            default_source_code={"inline_string": source},
        ),
        extension("envoy.filters.http.router", "filters.http.router.v3.Router"),
    ]


def _local_reply() -> Resource:
    return {
        "filter": {"response_flag_filter": {"flags": LOCAL_FLAGS}},
        "headers_to_add": [
            {
                "header": {"key": LOCAL_HEADER, "value": "%RESPONSE_FLAGS%"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
