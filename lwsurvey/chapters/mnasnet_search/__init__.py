"""Chapter mnasnet-search: studies on the table of trained networks, and their pictures."""
