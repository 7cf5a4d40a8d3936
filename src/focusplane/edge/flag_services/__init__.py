"""Flags that live in another system: Unleash, LaunchDarkly. Level-triggered: what is there is read, and set as wanted."""
