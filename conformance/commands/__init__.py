"""The commands that cli.py puts together, those about several runs one to a file."""
