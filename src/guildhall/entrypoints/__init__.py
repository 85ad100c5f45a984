"""Where the house is put together and its processes begin."""
