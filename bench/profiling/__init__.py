"""Where the time of a step goes: traces, time by layer and by kind of work, and what explains a difference."""
