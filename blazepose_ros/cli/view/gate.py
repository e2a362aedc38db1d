# SPDX-License-Identifier: Apache-2.0
"""Who may watch, and what a browser gets first.

A page of the internet runs in the user's browser, behind every firewall. It may connect to
this machine (its Origin is another), and its own name may point here after it was loaded (DNS
rebinding: Origin and Host agree, but the name is none of ours). Both are refused, and what is
refused is said with the option that allows it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from blazepose_ros.core.text import printable, quoted

# A browser opens its WebSocket within a second of loading the page, a busy one within ten.
SOCKET_WITHIN_S = 20.0
# Refusals that are said; the rest of the names that a stranger invents are not.
MAX_SAID = 20

NO_SOCKET = (
    "a browser has loaded the page, but its live connection (a WebSocket) does not come through."
    " A proxy in between must forward it (the headers Upgrade and Connection); an SSH tunnel"
    " always does: ssh -L {port}:localhost:{port} ROBOT"
)


class Gate:
    """Decides about requests by their headers.

    Args:
        host: the address that is listened on.
        allowed: names by which the page may be reached as well.
        say: told of every refusal, once for each name.
    """

    def __init__(self, host: str, allowed: Iterable[str], say: Callable[[str], object]) -> None:
        self._allowed = {_plain(name) for name in allowed}
        self._own = {_plain(host), *_names_of_this_machine()}
        self._say = say
        self._said: set[str] = set()
        self._loaded_s: float | None = None

    def refusal(self, headers: Mapping[str, str]) -> str:
        """Return why a request is refused; empty where it is not."""
        host, origin = headers.get("Host", ""), headers.get("Origin")
        if not self._serves(host_name(host)):
            return (
                f"this page is not served by the name {quoted(host)}. If that is how you reach it,"
                f" start: blazepose view --allow-host {printable(host_name(host) or 'NAME')}"
            )
        if origin is None or _place(origin) == host.lower() or host_name(_place(origin)) in self._allowed:
            return ""
        return (
            f"a page of {quoted(origin)} is not allowed to watch. If it is a proxy of your own,"
            f" start: blazepose view --allow-host {printable(host_name(_place(origin)) or 'NAME')}"
        )

    def answer(self, connection: Any, request: Any, serve: Callable[[Any, Any], Any], now_s: float) -> Any:
        """Answer a request as `websockets` asks for it: None goes on with the WebSocket's handshake.

        Args:
            connection: the connection of `websockets`.
            request: its request.
            serve: what answers a request that is not refused.
            now_s: monotonic seconds.
        """
        refusal = self.refusal(request.headers)
        if refusal:
            self._tell(refusal)
            return connection.respond(HTTPStatus.FORBIDDEN, refusal + "\n")
        request.headers.pop("Accept-Encoding", None)  # the page is packed already, and is changed below
        response = serve(connection, request)
        if response is None:
            self._loaded_s = None
        elif response.headers.get("Content-Type", "").startswith("text/html"):
            self._loaded_s = self._loaded_s or now_s
            response.body = page(response.body)
            del response.headers["Content-Length"]  # a multi-dict: a second one would be added
            response.headers["Content-Length"] = str(len(response.body))
        return response

    def misses_socket(self, now_s: float) -> bool:
        """Tell, once, that a page was loaded and its WebSocket has not come."""
        misses = self._loaded_s is not None and now_s - self._loaded_s > SOCKET_WITHIN_S
        if misses:
            self._loaded_s = None
        return misses

    def _serves(self, name: str) -> bool:
        """Whether a name is ours; no page of the internet has the name of a bare address."""
        return name in self._own or name in self._allowed or name.endswith(".localhost") or _is_address(name)

    def _tell(self, refusal: str) -> None:
        if refusal not in self._said and len(self._said) < MAX_SAID:
            self._said.add(refusal)
            self._say(f"refused: {refusal}")


def host_name(host: str) -> str:
    """Return the name in a Host header, without the port, in lower case."""
    try:
        return _plain(urlsplit(f"//{host}").hostname or "")
    except ValueError:  # a bracket that is not closed
        return ""


def _place(origin: str) -> str:
    """Return name and port of an Origin."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _plain(name: str) -> str:
    return name.strip().strip("[]").rstrip(".").lower()


def _names_of_this_machine() -> set[str]:
    name = _plain(socket.gethostname())
    short = name.partition(".")[0]
    return {"localhost", name, short, f"{short}.local"}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


# Before viser's own script: follow the system's dark mode, say when nothing live comes, and give
# a phone the whole width, which viser's panel does not take.
HEAD = """
<style>
#blazepose-hint { position: fixed; inset: auto 1em 1em 1em; z-index: 1000; max-width: 34em; margin: auto;
  padding: .8em 1em; border-radius: 8px; background: #7a3b00; color: #fff; font: 15px/1.4 sans-serif; }
#blazepose-hint[hidden] { display: none; }
#blazepose-hint code { background: #0004; padding: .1em .3em; border-radius: 4px; }
@media (max-width: 576px) {
  [style*="width: 20em"] { width: 100vw !important; }
  .mantine-Burger-root { display: none !important; }
}
</style>
<script>
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)"), url = new URL(location);
  if (dark.matches) url.searchParams.set("darkMode", "system");
  else if (url.searchParams.get("darkMode") === "system") url.searchParams.delete("darkMode");
  history.replaceState(null, "", url);
  dark.addEventListener("change", () => location.reload());
  let last = null, silent = 0;
  setInterval(() => {
    const beat = document.querySelector("[data-blazepose-beat]")?.dataset.blazeposeBeat ?? null;
    silent = beat === last && !document.hidden ? silent + 1 : 0;
    last = beat;
    document.getElementById("blazepose-hint").hidden = silent < (last === null ? NEVER_S : SILENT_S);
  }, 1000);
})();
</script>
"""
HINT = """
<div id="blazepose-hint" hidden><b>Nothing live comes from <code>blazepose view</code>.</b><br>
Is it still running? If it is, something in between, such as a proxy, does not forward WebSockets
(the headers <code>Upgrade</code> and <code>Connection</code>). An SSH tunnel always does:
<code>ssh -L 8080:localhost:8080 ROBOT</code></div>
"""
# Seconds without anything live before the hint: from the start, and after a while in which a browser
# without a graphics card may be busy drawing.
NEVER_S, SILENT_S = 10, 30
TITLE = "BlazePose"
_TITLE_SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='330' height='40' fill='none' stroke-linecap='round'>"
    "<g stroke='#1e6fe0' stroke-width='5'><circle cx='20' cy='8' r='4' fill='#1e6fe0'/>"
    "<path d='M20 17v9M6 12l14 6 14-8'/><path stroke='#14b05a' d='M20 26l-8 12M20 26l9 11'/></g>"
    "<g fill='{ink}' font-family='sans-serif'>"
    "<text x='46' y='27' font-size='22' font-weight='bold'>BlazePose</text>"
    "<text x='174' y='27' font-size='17' opacity='.7'>people in 3D, live</text></g></svg>"
)
TITLE_IMAGE: Any = {
    "image_url_light": "data:image/svg+xml," + quote(_TITLE_SVG.format(ink="#222")),
    "image_url_dark": "data:image/svg+xml," + quote(_TITLE_SVG.format(ink="#eee")),
    "image_alt": "BlazePose: people in 3D, live",
    "href": None,
}


def page(html: bytes) -> bytes:
    """Return viser's page with a title, and with what it lacks."""
    head = HEAD.replace("NEVER_S", str(NEVER_S)).replace("SILENT_S", str(SILENT_S))
    return html.replace(b"<title>Viser</title>", f"<title>{TITLE}</title>{head}".encode(), 1).replace(
        b'<div id="root"></div>', f'<div id="root"></div>{HINT}'.encode(), 1
    )
