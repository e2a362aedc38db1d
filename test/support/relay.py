# SPDX-License-Identifier: Apache-2.0
"""A TCP relay, as SSH's port forwarding is one, that can be held up or block WebSockets as a proxy."""

import socket
import threading

CHUNK = 1 << 16


class Relay:
    """Forwards connections to another port until it is closed.

    Args:
        target_port: where it forwards to, on the loopback interface.
        blocks_websockets: whether requests lose what asks for a WebSocket.

    Attributes:
        port: where it listens, on the loopback interface.
    """

    def __init__(self, target_port: int, *, blocks_websockets: bool = False) -> None:
        self._blocks_websockets = blocks_websockets
        self._target = ("127.0.0.1", target_port)
        self._flows = threading.Event()
        self._flows.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold_up(self) -> None:
        """Read nothing more from either side."""
        self._flows.clear()

    def go_on(self) -> None:
        """Forward again what was held up, and what follows."""
        self._flows.set()

    def close(self) -> None:
        """End every connection."""
        self.go_on()
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            # Small buffers: what is held up is soon noticed at the other end.
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
            self._sockets += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                self._flows.wait()
                if self._blocks_websockets:
                    data = data.replace(b"Upgrade: websocket", b"X-Upgrade: dropped")
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return
