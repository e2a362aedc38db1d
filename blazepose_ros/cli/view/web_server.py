# SPDX-License-Identifier: Apache-2.0
"""The web server, and which browsers keep up with it.

viser serves the page and its 3D scene. This module alone reaches into viser, for what it does
not give out: a browser's websocket, which is sent a ping that is answered after everything that
was sent before, and the requests, which the `Gate` decides about.
"""

from __future__ import annotations

import asyncio
import socket
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stdout, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any

from blazepose_ros.cli.console import note
from blazepose_ros.cli.view.gate import NO_SOCKET, TITLE, TITLE_IMAGE, Gate
from blazepose_ros.cli.view.scene import UP
from blazepose_ros.core import hints
from blazepose_ros.core.errors import BlazePoseError

if TYPE_CHECKING:
    import viser

# A page says where its camera is as soon as it is drawn; what stays silent for so long is none.
SILENT_S = 60.0

VISER = "viser>=1.1,<1.2"  # as requirements/view.in


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
        allowed_hosts: names by which the page may be reached, besides this machine's own.

    Raises:
        ViewError: viser is not installed, or the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, allowed_hosts: Collection[str] = ()) -> None:
        try:
            import viser
        except ImportError as err:
            raise ViewError(f"viser is not installed ({err}): {hints.install(VISER)}") from err
        check_address(host, port)
        # Until a closed connection is noticed, it may be written to.
        warnings.filterwarnings("ignore", "Queued a .* on a closed connection")
        self._gate = Gate(host, allowed_hosts, note)
        with redirect_stdout(StringIO()), _guarded_by(self._gate):  # stdout: viser's own banner
            self._server = viser.ViserServer(host, port, label=TITLE, verbose=False)
        self._silent_since_s: dict[int, float] = {}
        self._server.gui.configure_theme(
            show_logo=False, show_share_button=False, titlebar_content={"buttons": None, "image": TITLE_IMAGE}
        )
        self._server.scene.set_up_direction(UP)

    @property
    def port(self) -> int:
        """The TCP port that is listened on."""
        return self._server.get_port()

    def connected(self) -> dict[int, Browser]:
        """Return the browsers that are connected, each under a number of its own.

        A connection that never says what it looks at, as a page does, is closed. Says on the
        terminal where a page has been loaded and no connection comes.
        """
        now_s = time.monotonic()
        if self._gate.misses_socket(now_s):
            note(NO_SOCKET.format(port=self.port))
        websockets, loop = self._inside()
        clients = self._server.get_clients()
        self._silent_since_s = {
            number: self._silent_since_s.get(number, now_s) for number in websockets.keys() - clients.keys()
        }
        for number, since_s in self._silent_since_s.items():
            if now_s - since_s > SILENT_S and number in websockets:
                asyncio.run_coroutine_threadsafe(websockets[number].close(), loop)
        return {
            number: Browser(client, websockets[number], loop)
            for number, client in clients.items()
            if number in websockets
        }

    def _inside(self) -> tuple[Mapping[int, Any], asyncio.AbstractEventLoop]:
        """Return what viser does not give out: its websockets by the client's number, and their loop."""
        inside = self._server._websock_server
        return dict(inside._live_connections), inside._background_event_loop

    def close(self) -> None:
        """Disconnect all browsers and free the port."""
        self._server.stop()


@contextmanager
def _guarded_by(gate: Gate) -> Iterator[None]:
    """Have a server that viser starts within the block ask a gate about each request."""
    from websockets.asyncio import server

    serve = server.serve

    def guarded(*args: Any, process_request: Any, **options: Any) -> Any:
        def answer(connection: Any, request: Any) -> Any:
            return gate.answer(connection, request, process_request, time.monotonic())

        return serve(*args, process_request=answer, **options)

    server.serve = guarded
    try:
        yield
    finally:
        server.serve = serve


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
