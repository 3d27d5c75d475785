"""`python -m xtnd` is `xtnd`."""

import sys

from xtnd.ops.cli import main

sys.exit(main())
