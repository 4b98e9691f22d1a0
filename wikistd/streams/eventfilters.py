"""Filters of events: a key and what it must be, as a function of the event.

Pure.  Not here: which filters must match (streams/eventstreams.py).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

EventFilter = Callable[[Dict[str, Any]], Any]


def make_event_filter(key: str, value: Any) -> EventFilter:
    """Return the function that looks for `value` at `key` of an event."""
    matches = make_value_test(value)

    def event_filter(data: Dict[str, Any]) -> bool:
        found: Any = data
        if key in data:
            found = data[key]
        else:
            for name in key.split("."):
                if not isinstance(found, Mapping) or name not in found:
                    return False
                found = found[name]
        return matches(found)

    return event_filter


def make_value_test(value: Any) -> Callable[[Any], bool]:
    """Return the test for one value of `register_filter`."""
    if value is None or isinstance(value, bool):
        return lambda found: found is value
    if callable(value):
        function = value
        return lambda found: bool(function(found))
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if isinstance(value, (str, int, float)):
        return lambda found: bool(found == value)
    if iter(value) is iter(value):
        value = tuple(value)  # a one-shot iterator would be used up by the first event

    def is_member(found: Any) -> bool:
        try:
            return found in value
        except TypeError:
            return False  # a list is in no set, a number in no text: no match

    return is_member
