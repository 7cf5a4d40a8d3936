"""Words every room uses: time, exact quantities, identifiers, errors.

In: nothing. Out: values. Does no I/O and knows no policy.
"""
