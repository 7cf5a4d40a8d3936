"""The test kit that users get too: fakes, stories, strategies."""
