"""In: Signals. Out: `Reading`, `Health` and `Verdict`, each with its reason.

Decides no action and knows no control; the window counters are the one mutable thing, owned by the World.
"""
