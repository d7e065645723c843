"""`python -m anatomy.bench.cli`: the command of a given interpreter."""

from anatomy.bench.cli.main import main

main()
