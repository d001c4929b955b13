"""Asking: worker processes, the engine that feeds them, the environment and the run file. Knows no judgement.

The worker's own code is in files named `worker*`, which run on Python 3.9 with the standard library and NumPy alone.
"""
