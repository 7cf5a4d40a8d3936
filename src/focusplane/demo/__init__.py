"""Scenarios on real traffic: they start real processes, break them and show what focusplane does."""
