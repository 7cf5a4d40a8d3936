"""The HTTP face of the plane: API, pages, live updates."""
