"""Every run in one database: what each case took, commit by commit and machine by machine."""
