"""Signal: a list of receivers that are all called.

In: callables, kept with list methods.  Out: their calls, in order.
Holds: nothing else.  Not here: when signals are sent (web/client.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, List

if TYPE_CHECKING:
    ReceiverList = List[Callable[..., Any]]
else:
    ReceiverList = list


class Signal(ReceiverList):
    """A list of callables with `send`.

    `client.on_request.append(receiver)` connects one.  A receiver that raises stops
    the sending and the call that sent it.  Fill it before threads share its owner.
    """

    def send(self, *args: Any, **kwargs: Any) -> None:
        """Call every receiver with these arguments, in order."""
        for receiver in list(self):
            receiver(*args, **kwargs)
