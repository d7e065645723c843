"""The least that a step takes in memory, from shapes and dtypes alone; `docs/memory.md` states the assumptions."""
