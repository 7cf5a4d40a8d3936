"""In: a request and the Board, or a Command and the Board. Out: an Admission, or the next Board.

Moves no traffic itself and decides nothing about health.
"""
