"""`python -m fogbank`."""

from fogbank.cli.main import main

main()
