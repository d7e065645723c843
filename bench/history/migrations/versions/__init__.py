"""Migrations of the tables, one file per change, ordered by number."""
