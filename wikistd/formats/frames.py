"""WebSocket frames: bytes in, messages out, and the way back; for both sides.

In: bytes cut anywhere.  Out: Message values; bytes to be sent.  Spec: RFC 6455 5 to 8.
Pure; `random_bytes=` is os.urandom where nothing else is given.  Not here: the opening
handshake (formats/upgrade.py), compression (formats/deflate.py), sockets
(streams/websocket.py).
"""

from __future__ import annotations

import codecs
import os
from typing import Any, Callable, List, NamedTuple, NoReturn, Optional, Union

from ..errors import ProtocolError, WebSocketError, limit_exceeded
from .deflate import MessageDeflate

MSG_CONTINUATION = 0x0
MSG_TEXT = 0x1
MSG_BINARY = 0x2
MSG_CLOSE = 0x8
MSG_PING = 0x9
MSG_PONG = 0xA

CLOSE_OK = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_PROTOCOL_ERROR = 1002
CLOSE_UNSUPPORTED_DATA = 1003
CLOSE_NO_STATUS = 1005  # never sent: stands for a close frame without a code
CLOSE_ABNORMAL = 1006  # never sent: stands for a connection without a close frame
CLOSE_INVALID_TEXT = 1007
CLOSE_POLICY_VIOLATION = 1008
CLOSE_MESSAGE_TOO_BIG = 1009
CLOSE_MANDATORY_EXTENSION = 1010
CLOSE_INTERNAL_ERROR = 1011

MAX_MESSAGE_BYTES = 16 << 20  # websockets: 1 MiB, which Mastodon's posts never reach
MAX_CONTROL_BYTES = 125  # RFC 6455 5.5
MASK_BY_TABLES_BYTES = 2048  # from here on four tables beat one XOR of large integers
MASK_IDENTITY = bytes(range(256))  # translates each byte to itself
FRAMES_SPEC = "RFC 6455"


class Message(NamedTuple):
    """One message.  `tp` is its MSG_ constant.

    `data` is str for text, bytes for binary, ping and pong, and the close code (1005
    where there was none) for close, whose reason is `extra`; else `extra` is "".
    """

    tp: int
    data: Any
    extra: Any = ""


def is_close_code(code: int) -> bool:
    """Return whether `code` may stand in a close frame, RFC 6455 7.4."""
    if 3000 <= code <= 4999:
        return True
    return 1000 <= code <= 1014 and code not in (1004, 1005, 1006)


def apply_mask(data: bytes, mask: bytes) -> bytes:
    """Return `data` XOR the four bytes of `mask`, over and over; undoes itself too.

    From MASK_BY_TABLES_BYTES on the result is a bytearray, which saves a copy.
    """
    size = len(data)
    if size < MASK_BY_TABLES_BYTES:
        repeated = (mask * (size // 4 + 1))[:size]
        number = int.from_bytes(data, "little") ^ int.from_bytes(repeated, "little")
        return number.to_bytes(size, "little")
    # 1 MB takes 1.1 ms by tables, 3.4 ms as one large integer, 78 ms byte by byte.
    masked = bytearray(data)
    identity = int.from_bytes(MASK_IDENTITY, "little")
    for i in range(4):
        other = int.from_bytes(mask[i : i + 1] * 256, "little")
        table = (identity ^ other).to_bytes(256, "little")
        masked[i::4] = masked[i::4].translate(table)
    return masked


class WebSocketParser:
    """Parse the frames that one side receives.  One owner, not thread-safe.

    `is_client` says which side this is: a client takes only unmasked frames, a server
    only masked ones.  `deflate` is the negotiated compression.  Text is checked as it
    arrives, so that a bad message fails at its first bad byte.  What breaks the
    protocol is WebSocketError with the close code that answers it, a message past
    `max_message_bytes` LimitExceeded; messages that were complete before are returned
    first, then `error` is set and the next `feed` raises it.  After a close frame
    nothing is parsed any more.
    """

    __slots__ = (
        "is_client",
        "max_message_bytes",
        "deflate",
        "error",
        "is_closed",
        "_buffer",
        "_remaining",
        "_mask",
        "_is_final",
        "_type",
        "_is_compressed",
        "_size",
        "_parts",
        "_decoder",
    )

    def __init__(
        self,
        *,
        is_client: bool = False,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        deflate: Optional[MessageDeflate] = None,
    ) -> None:
        self.is_client = is_client
        self.max_message_bytes = max_message_bytes
        self.deflate = deflate
        self.error: Optional[ProtocolError] = None
        self.is_closed = False
        self._buffer = b""  # an unfinished header or control frame: short
        self._remaining = 0  # of the frame whose payload is arriving
        self._mask = b""
        self._is_final = False
        self._type = 0  # of the message that is arriving, 0: none
        self._is_compressed = False
        self._size = 0
        self._parts: List[Any] = []
        self._decoder: Any = None

    def feed(self, data: bytes) -> List[Message]:
        """Return the messages that `data` completes, control frames among them."""
        if self.error is not None:
            raise self.error
        messages: List[Message] = []
        if self.is_closed:
            return messages
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        try:
            self._parse(data, messages)
        except ProtocolError as error:
            self.error = error
            self._parts = []
            if not messages:
                raise
        return messages

    def _parse(self, data: bytes, messages: List[Message]) -> None:
        position, size = 0, len(data)
        is_client, limit = self.is_client, self.max_message_bytes
        while not self.is_closed:
            if self._remaining:
                part = data[position : position + self._remaining]
                position += len(part)
                self._take_payload(part, messages)
                if self._remaining:
                    return
            begin = position
            if size - begin < 2:
                break
            first, length = data[begin], data[begin + 1]
            start = begin + 2
            is_masked = length > 127
            length &= 127
            if is_masked == is_client:
                self._fail(
                    "masked frame from a server"
                    if is_client
                    else "frame from a client is not masked"
                )
            if length > 125:
                width = 2 if length == 126 else 8
                start += width
                if size < start:
                    break
                length = int.from_bytes(data[start - width : start], "big")
                if length < 126 or (width == 8 and not 65535 < length < 1 << 63):
                    self._fail("length of %d bytes is not minimal" % length)
            mask = b""
            if is_masked:
                start += 4
                if size < start:
                    break
                mask = data[start - 4 : start]
            end = start + length
            # Whole text messages, the common case, take the short way: 4 of 5 times
            # the speed of the general one.
            if first == 0x81 and end <= size and not self._type and length <= limit:
                payload = data[start:end]
                if mask:
                    payload = apply_mask(payload, mask)
                try:
                    text = payload.decode()
                except UnicodeDecodeError:
                    self._fail_text()
                messages.append(tuple.__new__(Message, (MSG_TEXT, text, "")))
                position = end
                continue
            if first & 0x08:
                self._check_control(first, length)
                if size < end:
                    break
                payload = data[start:end]
                if mask:
                    payload = apply_mask(payload, mask)
                messages.append(self._read_control(first & 0x0F, payload))
                position = end
                continue
            self._begin_frame(first, length, mask)
            position = start
            if not length:
                self._take_payload(b"", messages)
        self._buffer = data[position:]

    def _begin_frame(self, first: int, length: int, mask: bytes) -> None:
        kind = first & 0x0F
        is_compressed = bool(first & 0x40) and self.deflate is not None
        if first & 0x30 or (first & 0x40 and not is_compressed):
            self._fail("reserved bits 0x%02x are set" % (first & 0x70))
        if kind > MSG_BINARY:
            self._fail("opcode 0x%x is reserved" % kind)
        if kind == MSG_CONTINUATION:
            if not self._type:
                self._fail("continuation frame without a message to continue")
            if is_compressed:
                self._fail("continuation frame is marked as compressed")
        else:
            if self._type:
                self._fail("new message in the middle of a fragmented one")
            self._type = kind
            self._is_compressed = is_compressed
            self._size = 0
            if kind == MSG_TEXT:
                self._decoder = codecs.getincrementaldecoder("utf-8")()
        if not self._is_compressed:
            self._count(length)  # refused before a byte of it is kept
        self._remaining = length
        self._mask = mask
        self._is_final = first > 127

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self.max_message_bytes:
            limit = self.max_message_bytes
            raise limit_exceeded("message", "max_message_bytes", limit, FRAMES_SPEC)

    def _take_payload(self, part: bytes, messages: List[Message]) -> None:
        """Add the next bytes of a data frame to its message."""
        self._remaining -= len(part)
        if self._mask and part:
            mask = self._mask
            part = apply_mask(part, mask)
            turn = len(part) & 3
            self._mask = mask[turn:] + mask[:turn]
        is_end = self._is_final and not self._remaining
        if self._is_compressed and self.deflate is not None:
            room = self.max_message_bytes - self._size
            part = self.deflate.decompress(part, is_end, room + 1)
            self._count(len(part))
        if self._type == MSG_TEXT:
            try:
                self._parts.append(self._decoder.decode(part, is_end))
            except UnicodeDecodeError:
                self._fail_text()
        elif part:
            self._parts.append(part)
        if is_end:
            empty: Any = "" if self._type == MSG_TEXT else b""
            messages.append(Message(self._type, empty.join(self._parts)))
            self._parts = []
            self._type = 0

    def _check_control(self, first: int, length: int) -> None:
        kind = first & 0x0F
        if first & 0x70:
            self._fail("reserved bits 0x%02x are set" % (first & 0x70))
        if kind > MSG_PONG:
            self._fail("opcode 0x%x is reserved" % kind)
        if first < 128:
            self._fail("fragmented control frame")
        if length > MAX_CONTROL_BYTES:
            self._fail("control frame of %d bytes, 125 are allowed" % length)

    def _read_control(self, kind: int, payload: bytes) -> Message:
        if kind != MSG_CLOSE:
            return Message(kind, payload)
        self.is_closed = True
        if not payload:
            return Message(MSG_CLOSE, CLOSE_NO_STATUS)
        code = int.from_bytes(payload[:2], "big")
        if len(payload) == 1 or not is_close_code(code):
            self._fail("close frame with the code %d" % code)
        try:
            return Message(MSG_CLOSE, code, payload[2:].decode())
        except UnicodeDecodeError:
            self._fail_text()

    def _fail(self, message: str) -> NoReturn:
        raise WebSocketError(CLOSE_PROTOCOL_ERROR, message, spec=FRAMES_SPEC)

    def _fail_text(self) -> NoReturn:
        raise WebSocketError(
            CLOSE_INVALID_TEXT, "text is not UTF-8", spec=FRAMES_SPEC
        ) from None


class WebSocketWriter:
    """Make the frames that one side sends.  Not thread-safe: the caller's lock orders.

    Each method returns the bytes of the frame; where `writer` is given, its `write` is
    called with them as well.  `use_mask` is for clients.  `deflate` is the negotiated
    compression.  ValueError for what no frame can hold.
    """

    def __init__(
        self,
        writer: Any = None,
        *,
        use_mask: bool = False,
        random_bytes: Callable[[int], bytes] = os.urandom,
        deflate: Optional[MessageDeflate] = None,
    ) -> None:
        self.writer = writer
        self.use_mask = use_mask
        self.deflate = deflate
        self._random_bytes = random_bytes

    def send(self, message: Union[str, bytes], binary: bool = False) -> bytes:
        """Return a message: text for str, binary for bytes or where `binary` is set."""
        kind = MSG_TEXT
        if isinstance(message, str):
            data = message.encode("utf-8")
            if binary:
                kind = MSG_BINARY
        else:
            data, kind = bytes(message), MSG_BINARY
        first = 0x80 | kind
        # An empty message does not become shorter, and RFC 7692 7.2.3.6 is intricate.
        if self.deflate is not None and data:
            data = self.deflate.compress(data)
            first |= 0x40
        return self._frame(first, data)

    def ping(self, message: Union[str, bytes] = b"") -> bytes:
        """Return a ping with up to 125 bytes."""
        return self._control(MSG_PING, message)

    def pong(self, message: Union[str, bytes] = b"") -> bytes:
        """Return a pong: the answer to a ping has its bytes."""
        return self._control(MSG_PONG, message)

    def close(self, code: int = CLOSE_OK, message: Union[str, bytes] = b"") -> bytes:
        """Return a close frame with a reason of up to 123 bytes of UTF-8.

        With the code 1005 it holds nothing.
        """
        if code == CLOSE_NO_STATUS and not message:
            return self._control(MSG_CLOSE, b"")
        if not is_close_code(code):
            raise ValueError("%d is no close code that may be sent" % code)
        if isinstance(message, str):
            message = message.encode("utf-8")
        return self._control(MSG_CLOSE, code.to_bytes(2, "big") + message)

    def _control(self, kind: int, message: Union[str, bytes]) -> bytes:
        data = message.encode("utf-8") if isinstance(message, str) else message
        if len(data) > MAX_CONTROL_BYTES:
            raise ValueError("control frame of %d bytes, 125 are allowed" % len(data))
        return self._frame(0x80 | kind, data)

    def _frame(self, first: int, data: bytes) -> bytes:
        size = len(data)
        flag = 0x80 if self.use_mask else 0
        if size < 126:
            head = bytes((first, flag | size))
        elif size < 65536:
            head = bytes((first, flag | 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((first, flag | 127)) + size.to_bytes(8, "big")
        if flag:
            mask = self._random_bytes(4)
            head += mask
            data = apply_mask(data, mask)
        frame = head + data
        if self.writer is not None:
            self.writer.write(frame)
        return frame
