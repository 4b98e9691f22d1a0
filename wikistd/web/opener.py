"""ClientOpener: the pipeline every request and every answer goes through.

In: requests.  Out: final answers.  Order: below.  Holds: the handlers.
Not here: what each handler does; errors and time limits of a call (web/client.py).
"""

from __future__ import annotations

import bisect
import sys
import urllib.request
from typing import Any, Callable, Dict, List, Tuple

from .request import WebRequest
from .useragent import check_user_agent, is_telling_user_agent

# Where each handler stands: headers 100, proxies 200, cookies 300, credentials 400,
# keepalive 490, decoding 700, answers 1000.  OpenerDirector runs requests and answers
# both upwards.  Redirects and 401 enter open() again from 1000: nothing may stand
# behind them, or it would see the final answer twice.


class ClientOpener(urllib.request.OpenerDirector):
    """An OpenerDirector that looks its handlers' methods up once.  Thread-safe.

    Its answers are final ones of any status: no HTTPError is raised for a 404, unless a
    handler that is added does.  Add handlers before threads share it.
    """

    handlers: List[Any]

    def __init__(self, prepare: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.addheaders = []
        self._prepare = prepare
        self._chains: Dict[str, Tuple[List[Any], List[Any], List[Any]]] = {}

    def add_handler(self, handler: urllib.request.BaseHandler) -> None:
        """Put a handler where its order says."""
        # Not super's, which walks dir() of each: a fifth of making a client.
        if not hasattr(handler, "add_parent"):
            raise TypeError("expected a BaseHandler, got %s" % type(handler).__name__)
        bisect.insort(self.handlers, handler)
        handler.add_parent(self)
        self._chains = {}

    def open(self, fullurl: Any, data: Any = None, timeout: Any = None) -> Any:
        """Send a request, or GET a URL; return the final answer."""
        request = fullurl
        if data is not None or not isinstance(fullurl, WebRequest):
            request = self._prepare(fullurl, data)
        request.timeout = timeout
        protocol = request.type
        chains = self._chains.get(protocol)
        if chains is None:
            chains = self._chains[protocol] = (
                self._methods(protocol + "_request"),
                self._methods("default_open") + self._methods(protocol + "_open"),
                self._methods(protocol + "_response"),
            )
        for process in chains[0]:
            request = process(request)
        sys.audit(
            "urllib.Request",
            request.full_url,
            request.data,
            request.headers,
            request.get_method(),
        )
        for send in chains[1]:
            response = send(request)
            if response is not None:
                break
        else:
            raise ValueError("no handler opens %s URLs" % protocol)
        for process in chains[2]:
            response = process(request, response)
        return response

    def error(self, proto: str, *args: Any) -> Any:
        """Hand an answer to the handlers of its status; None if nobody takes it.

        `args` are the request, the answer, its status, reason and headers.
        """
        for name in ("%s_error_%s" % (proto, args[2]), proto + "_error_default"):
            for handle in self._methods(name):
                result = handle(*args)
                if result is not None:
                    return result
        return None

    def _methods(self, name: str) -> List[Any]:
        return [getattr(each, name) for each in self.handlers if hasattr(each, name)]


class HeadersHandler(urllib.request.BaseHandler):
    """Add the headers every request has, unless it has its own.  Thread-safe."""

    handler_order = 100

    def __init__(self, user_agent: str) -> None:
        self.user_agent = user_agent
        self._has_warned = is_telling_user_agent(user_agent)

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add User-Agent and Accept."""
        headers = request.headers
        extra = request.unredirected_hdrs
        if "User-agent" not in headers and "User-agent" not in extra:
            extra["User-agent"] = self.user_agent
            if not self._has_warned and not is_loopback_host(request.host):
                self._has_warned = True
                check_user_agent(self.user_agent)
        if "Accept" not in headers and "Accept" not in extra:
            extra["Accept"] = "*/*"
        return request

    https_request = http_request


def is_loopback_host(host: str) -> bool:
    name = host.rpartition("@")[2].lower()
    return name.startswith(("127.", "localhost", "[::1]"))


class AnswersHandler(urllib.request.BaseHandler):
    """Send 3xx to 5xx to the handlers for them; hand out what nobody takes."""

    handler_order = 1000

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """Return the final answer: every status is one, if no handler takes it."""
        # What other handlers answer with may have no more than addinfourl has.
        status = response.code
        if status < 300:
            return response
        reason = getattr(response, "msg", "")
        result = self.parent.error(
            "http", request, response, status, reason, response.info()
        )
        return response if result is None else result

    https_response = http_response
