"""What of everything that could be done is for today."""
