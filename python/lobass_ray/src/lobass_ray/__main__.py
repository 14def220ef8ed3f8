"""`python -m lobass_ray` is `lobass-ray`."""

import sys

from lobass_ray.cli import main

if __name__ == "__main__":
    sys.exit(main())
