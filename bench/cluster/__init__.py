"""A sweep over a Ray cluster: each case on a node that it has to itself, records gathered as they end.

The order is: `offers` (which nodes will do) → `kind` (they must be alike) → `board` (which case goes where, and what
becomes of it when its node is lost) → `sweep`. `agent` is what runs on a node, `ray_fleet` all that speaks to Ray.
"""
