"""Keep every run in one database, and find since when a case has become slower."""
