"""In: policy text. Out: a frozen `PolicySet`, or every `Problem` at once.

Does not read files, watch directories, or know the state of anything that runs.
"""
