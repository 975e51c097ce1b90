"""`python -m lsbench` is the same program as `lsbench`."""

import os
import sys

if sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 (as Python has written it)
    sys.path.append(sys.path.pop(0))  # a pandas.py of the user's is not the pandas of lsbench

from lsbench.cli.main import main

if __name__ == "__main__":
    main()
