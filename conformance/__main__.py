"""`python -m conformance` is the command `nnconform`. Knows nothing else."""

from conformance.cli import main

if __name__ == "__main__":
    main()
