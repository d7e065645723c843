"""What a loop reads: files that are decoded and augmented, or arrays, through a feed with workers."""
