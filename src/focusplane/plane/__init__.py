"""The spine: one pure step and the loop that turns it.

In: arrivals. Out: facts in the journal, a Board for the data planes, effects carried out.
"""
