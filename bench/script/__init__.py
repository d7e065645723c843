"""A stand-alone program that reproduces one figure without Anatomy."""
