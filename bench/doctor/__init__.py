"""Is this machine fit to measure on, what can it do at best, and how quiet is it?"""
