# SPDX-License-Identifier: Apache-2.0
"""``make soak``."""

import sys

from robustness.soak.command import main

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
