"""Traffic that objects of a Kubernetes cluster split: weights are written, read back, and owned openly.

In: the Board. Out: weights in HTTPRoutes, VirtualServices, Rollouts and InferenceServices, and what these say they run. It
creates no object and deletes none, and changes nothing in an object but weights and one annotation.
"""
