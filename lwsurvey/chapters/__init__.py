"""One package for each notebook, named as the notebook: what only that chapter needs."""
