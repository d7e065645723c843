"""A sweep of cases over the nodes of a Ray cluster: each node measures one case at a time, as a machine alone does."""
