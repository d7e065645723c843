"""Readers and writers of XLA's files: HLO text and XSpace traces."""
