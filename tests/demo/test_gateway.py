from fractions import Fraction

from focusplane.demo.gateway import routed


def weighted(**weights: int) -> dict[str, object]:
    return {
        "weighted_clusters": {
            "clusters": [
                {"name": f"checkout/{version}/5f1c09ab", "weight": weight}
                for version, weight in weights.items()
            ]
        }
    }


def test_shares_are_read_out_of_every_weighted_route_and_the_greatest_counts() -> None:
    dump = {"configs": [{"routes": [{"route": weighted(v1=95, v2=5)}, {"route": weighted(v1=100)}]}]}
    assert routed(dump) == {"v1": Fraction(1), "v2": Fraction(1, 20)}


def test_pinned_routes_carry_no_share() -> None:
    assert routed({"routes": [{"route": {"cluster": "checkout/v2/5f1c09ab"}}]}) == {}
