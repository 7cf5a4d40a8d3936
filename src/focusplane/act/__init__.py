"""In: Health, Verdict and history. Out: facts and effects, each with its reason.

Touches nothing outside: an effect is a value that `plane.perform` carries out after its intent is written.
"""
