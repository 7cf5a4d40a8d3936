"""In: attributes of real work. Out: Signals that name their focus, and their class for an objective.

Keeps no counts and knows no windows.
"""
