"""``blazepose view``: a web page with the live image, the people in 3D, rates and diagnostics."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from blazepose_ros.interruption import Interruption, held_back
from blazepose_ros.terminal import say
from blazepose_ros.transport import use_image_profile
from blazepose_ros.view.browsers import Browsers, ViewError

HOST, PORT = "127.0.0.1", 8080


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose view`` until it is interrupted, which is how it ends well."""
    options = _parser().parse_args(arguments)
    try:
        with Interruption():
            _run(options)
    except ViewError as err:
        sys.stderr.write(f"blazepose view: {err}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blazepose view",
        description="Serve a web page with the live annotated image, the people in 3D, rates, latency and"
        " diagnostics of every camera in the ROS graph. Ctrl-C ends it.",
        epilog="On a machine without a screen: ssh -L 8080:localhost:8080 ROBOT, then open"
        " http://localhost:8080 here. Whoever reaches the port sees the images: there is no password.",
    )
    parser.add_argument(
        "--host", default=HOST, help=f"the address to listen on; 0.0.0.0 for all (default: {HOST})"
    )
    parser.add_argument(
        "--port", type=_port, default=PORT, help=f"the TCP port; 0 for any that is free (default: {PORT})"
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _run(options: argparse.Namespace) -> None:
    browsers = Browsers(options.host, options.port)
    try:
        host = "localhost" if options.host in (HOST, "0.0.0.0") else options.host
        say(f"open http://{host}:{browsers.port}")
        use_image_profile()
        # This takes a second, in which the page can already be opened.
        from blazepose_ros.view.show import showing

        with showing(browsers) as show:
            while True:
                with held_back():
                    show.step()
    finally:
        browsers.close()
