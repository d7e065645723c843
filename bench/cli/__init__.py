"""The command line: thin, lazy in its imports, and the only place that prints."""
