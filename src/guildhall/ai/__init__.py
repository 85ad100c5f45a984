"""The one door to a model: every call is allowed by a budget before, and charged after."""
