"""Tests of the oracle, of what the standard declares, and of the measure of error. No framework."""
