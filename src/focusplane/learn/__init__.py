"""In: journal facts and the incident they tell of. Out: a timeline, a postmortem.

Decides nothing, reads no journal itself, and keeps no state.
"""
