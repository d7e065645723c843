"""Cases, records, profiles and environments, and the folder in which a run stores them. Nothing here measures."""
