"""Paging: the query parameters of every list."""

from typing import Annotated

from fastapi import Query

Name = Annotated[str, Query(max_length=200)]
"""of a focus, a tenant or a flag; empty for all of them"""
After = Annotated[str, Query(max_length=200)]
"""the key of the last item of the page before"""
Limit = Annotated[int, Query(ge=1, le=1000)]
