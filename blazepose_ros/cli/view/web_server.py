# SPDX-License-Identifier: Apache-2.0
"""The web server, and which browsers keep up with it.

viser serves the page and its 3D scene. It does not tell whether a browser has received what
was sent. This module alone reaches into viser, for a browser's websocket, and sends a ping,
which is answered after everything that was sent before.
"""

from __future__ import annotations

import asyncio
import socket
import warnings
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from blazepose_ros.core.errors import BlazePoseError

if TYPE_CHECKING:
    import viser

# What the axes of the scene are: y points down in a camera's optical frame.
UP = "-y"


class ViewError(BlazePoseError, RuntimeError):
    """The page cannot be served; the message says what to change."""


class Browser:
    """One open page of one browser.

    Args:
        client: viser's handle.
        websocket: its connection.
        loop: the event loop of the connection.
    """

    def __init__(self, client: viser.ClientHandle, websocket: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self._websocket = websocket
        self._loop = loop
        self._answer: Future[None] | None = None

    @property
    def keeps_up(self) -> bool:
        """Whether it has received all that was sent before the last `ask`."""
        return self._answer is None or self._answer.done()

    def ask(self) -> None:
        """Send a ping, which is answered when everything that was sent so far has arrived."""
        self._answer = asyncio.run_coroutine_threadsafe(self._round_trip(), self._loop)

    async def _round_trip(self) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            await (await self._websocket.ping())


class WebServer:
    """Serves the page to browsers.

    Args:
        host: the address to listen on.
        port: the TCP port; 0 for any that is free.

    Raises:
        ViewError: viser is not installed, or the address cannot be listened on.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            import viser
        except ImportError as err:
            raise ViewError(f"viser is not installed ({err}): pip install 'viser>=1.1,<1.2'") from err
        check_address(host, port)
        # Until a closed connection is noticed, it may be written to.
        warnings.filterwarnings("ignore", "Queued a .* on a closed connection")
        with redirect_stdout(StringIO()):  # viser's own banner
            self._server = viser.ViserServer(host, port, label="blazepose", verbose=False)
        self._server.gui.configure_theme(show_logo=False, show_share_button=False)
        self._server.scene.set_up_direction(UP)

    @property
    def port(self) -> int:
        """The TCP port that is listened on."""
        return self._server.get_port()

    def connected(self) -> dict[int, Browser]:
        """Return the browsers that are connected, each under a number of its own.

        A page of another website that connects to this server in the user's browser is
        disconnected and left out: it could otherwise watch the camera.
        """
        browsers = {}
        websockets, loop = self._inside()
        for number, client in self._server.get_clients().items():
            websocket = websockets.get(number)
            if websocket is None:
                continue
            if is_own_page(websocket.request.headers):
                browsers[number] = Browser(client, websocket, loop)
            else:
                asyncio.run_coroutine_threadsafe(websocket.close(), loop)
        return browsers

    def _inside(self) -> tuple[Mapping[int, Any], asyncio.AbstractEventLoop]:
        """Return what viser does not give out: its websockets by the client's number, and their loop."""
        inside = self._server._websock_server
        return inside._live_connections, inside._background_event_loop

    def close(self) -> None:
        """Disconnect all browsers and free the port."""
        self._server.stop()


def is_own_page(headers: Any) -> bool:
    """Tell whether a connection comes from a page that this server has served, or from no browser."""
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == headers.get("Host")


def check_address(host: str, port: int) -> None:
    """Make sure that an address can be listened on.

    Raises:
        ViewError: the port is taken, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as err:
        raise ViewError(
            f"cannot listen on {host}:{port}: {err.strerror}. Choose others with --host and --port"
        ) from err
