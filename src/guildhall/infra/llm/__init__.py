"""Models that answer questions and place texts, behind one way to ask."""
