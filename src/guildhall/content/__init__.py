"""Content that comes with the hall, as YAML files that anyone can write."""
