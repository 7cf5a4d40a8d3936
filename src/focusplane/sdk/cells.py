"""Cells: what tells one count of the meter from another."""

BoundsNs = tuple[int, ...]
Marks = tuple[tuple[str, str], ...]
"""What the application said of a request besides (attribute, value), in order."""
Plain = tuple[str, str, str, str, int, str, bool, bool]
Key = Plain | tuple[str, str, str, str, int, str, bool, bool, Marks]
"""focus, tenant, method, route, status, error, synthetic, resend, and marks if there are any: plain, because one is made for
each request."""

Given = tuple[str, str, str, str]
"""A flag that a request evaluated, the variant it got, the revision of the rule that decided, and the reason in small letters."""
