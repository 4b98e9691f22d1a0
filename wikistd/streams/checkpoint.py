"""The position of a stream in a file that a crash cannot damage.

Holds: a path.  Not here: what the position means (streams/reconnect.py).
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional

from ..clock import Clock
from ..web.callparts import check_target
from ..web.cookiefile import write_private_file
from .reconnect import StreamPosition, encode_position, position_entries

CHECKPOINT_VERSION = 1


class Checkpoint:
    """Write a StreamPosition to `path` at most each `every_seconds`.  One owner.

    The file is JSON and replaced in one step, so that a reader and a crash see the old
    one or the new one.  A process that is killed within this step leaves a
    `.<name>.<hex>.new` behind, which a later one removes.
    `url` names the stream: a file of another is ValueError.
    """

    def __init__(
        self,
        path: Any,
        url: str,
        *,
        every_seconds: float = 1.0,
        clock: Optional[Clock] = None,
    ) -> None:
        self.path = check_target(path)
        self.url = url
        self.every_seconds = every_seconds
        self._clock = clock or Clock()
        self._saved_at: Optional[float] = None
        self._dirty = False

    def load(self) -> Optional[StreamPosition]:
        """Return the position in the file, None when there is no file."""
        try:
            with open(self.path, encoding="utf-8") as file:
                state = json.load(file)
            if state["version"] != CHECKPOINT_VERSION:
                raise ValueError("its version is not %d" % CHECKPOINT_VERSION)
            url, position = state["url"], read_checkpoint(state)
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ValueError(
                "%s is not a checkpoint: %r" % (self.path, error)
            ) from error
        if url != self.url:
            raise ValueError(
                "%s is the checkpoint of %s, not of %s" % (self.path, url, self.url)
            )
        return position

    def taken(self, position: StreamPosition) -> None:
        """Note that the consumer took an event; write when it is time."""
        self._dirty = True
        now = self._clock.monotonic()
        if self._saved_at is None or now - self._saved_at >= self.every_seconds:
            self.save(position)

    def forget(self) -> None:
        """Do not write what was taken since the last write."""
        self._dirty = False

    def save(self, position: StreamPosition, *, and_in_hand: bool = False) -> None:
        """Write the file now, where anything was taken since it was written."""
        if not (self._dirty or and_in_hand):
            return
        offsets: Dict[Any, List[int]] = {}
        names = []
        for mark in position.seen:
            if isinstance(mark, str):
                names.append(mark)
            else:
                offsets.setdefault(mark[:2], []).append(mark[2])
        state = {
            "version": CHECKPOINT_VERSION,
            "url": self.url,
            "cursor": position.entries(with_seen=True) or position.last_id,
            "window": {
                "offsets": [[*place, offsets[place]] for place in offsets],
                "ids": names,
            },
        }
        # A folder that is not there is a mistake, and nothing to be made.
        os.stat(os.path.dirname(os.path.abspath(self.path)))
        write_private_file(self.path, json.dumps(state, separators=(",", ":")))
        self._dirty = False
        self._saved_at = self._clock.monotonic()


def read_checkpoint(state: Any) -> StreamPosition:
    """Return the position in the content of a file; KeyError, TypeError, ValueError."""
    cursor, window = state["cursor"], state["window"]
    text = cursor if isinstance(cursor, str) else encode_position(cursor)
    if cursor is not text and len(position_entries(text)) != len(cursor):
        raise ValueError("its cursor is no position")
    position = StreamPosition(text)
    for topic, partition, offsets in window["offsets"]:
        for offset in offsets:
            mark = (topic, partition, offset)
            if not all(map(isinstance, mark, (str, int, int))):
                raise TypeError("%r is no place of an event" % (mark,))
            position.remember(mark)
    for name in window["ids"]:
        if not isinstance(name, str):
            raise TypeError("%r is no id of an event" % (name,))
        position.remember(name)
    return position
