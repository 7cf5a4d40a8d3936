"""The arrows of `step`, one module each: Draft in, Draft out.

Pure like `step` itself. `move` is the one way to change the Board.
"""
