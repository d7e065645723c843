"""The best settings for one model: what can be set, tried from coarse to fine, and raced until one is left."""
