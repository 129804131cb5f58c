"""`python -m LDCTDenoiseLib` is `ldct-denoise`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
