"""Several devices that share each step of one model: how they are set up, and whether they compute what one would."""
