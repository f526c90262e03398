"""What goes wrong on the wire itself, and the log of what crossed it."""

from collections import deque
from dataclasses import dataclass

from aiohttp import web

LOG_LENGTH = 1_000_000


@dataclass
class Logged:
    """One call, as `GET /_sandbox/requests` shows it. `inputs`: how many records it carried."""

    method: str
    path: str
    query: str
    status: int
    ms: float
    inputs: int
    fault: str | None = None


def new_log() -> deque[Logged]:
    """A log that forgets its oldest calls once it is very long."""
    return deque(maxlen=LOG_LENGTH)


def cut(request: web.BaseRequest) -> None:
    """Resets the connection, as a broken network does."""
    if request.transport is not None:
        request.transport.abort()


async def truncated(request: web.BaseRequest, status: int, whole: bytes, content_type: str) -> web.StreamResponse:
    """Half of a body, and then the end of the connection."""
    response = web.StreamResponse(status=status, headers={"Content-Type": content_type})
    response.content_length = len(whole) + 1
    await response.prepare(request)
    await response.write(whole[: max(1, len(whole) // 2)])
    if request.transport is not None:
        request.transport.close()
    return response
