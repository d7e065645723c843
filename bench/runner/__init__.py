"""Runs cases: one fork server per backend, one worker process per case, one record whatever happens."""
