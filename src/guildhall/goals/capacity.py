"""How much a member gets done in a day, learned from what they did."""
