"""Suites: what to measure. The suites that come with Anatomy are package data, one TOML file each."""
