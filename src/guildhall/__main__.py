"""`python -m guildhall`: the command line."""

from guildhall.entrypoints.cli import main

main()
