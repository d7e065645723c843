"""The suites that come with Anatomy (package data: one TOML file each)."""
