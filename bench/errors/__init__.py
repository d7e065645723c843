"""What Anatomy raises, the exit code that each error ends with, and error texts that fit on one line."""
