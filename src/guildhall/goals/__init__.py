"""Goals, their plans, and what of them is to be done today."""
