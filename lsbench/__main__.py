"""`python -m lsbench` is the same program as `lsbench`."""

from lsbench.cli.main import main

if __name__ == "__main__":
    main()
