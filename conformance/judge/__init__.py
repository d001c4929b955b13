"""Answering: verdicts as a pure function of run file, standard, truth and expectations. Knows no framework."""
