"""Files of other SLO tools, read and written: OpenSLO, Sloth, Pyrra, slo-generator, and dashboards of Grafana.

In: their YAML, or our policies. Out: text of the other kind, and a note with its place for everything that could not be
carried over or means something else there. Pure: reads no file, asks no server, and never executes what it reads.
"""
