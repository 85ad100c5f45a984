"""The planner without a model: rules and templates."""
