"""Measure on the nodes of a Ray cluster: each node measures one case at a time and is otherwise idle."""
