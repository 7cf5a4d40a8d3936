"""Stories: what should happen, as text beside the policies, played in virtual time on the same `step` as production.

In: a `.story` file and the policies that it loads. Out: which expectations held, and a timeline. It opens no socket, and a story
gives the same answer each time.
"""
