"""Tables and lines that commands show on a terminal."""
