"""What the hall is compared with: the usual way to do the same work, and the least way."""
