"""Is this machine fit to measure on, what is its limit, and what does observing cost?"""
