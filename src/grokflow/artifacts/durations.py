"""A duration in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Such as `40 s`, `3 min 05 s`, `2 h 10 min`."""
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
