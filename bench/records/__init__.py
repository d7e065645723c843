"""Cases, records, profiles and environments, and where a run keeps them on disk. Nothing here measures."""
