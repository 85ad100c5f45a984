"""Whether a member will finish a task, from how they fared with others."""
