"""focusplane: a reliability control plane around the smallest unit of change that users notice."""

__version__ = "0.1.0"

__all__ = ["__version__"]
