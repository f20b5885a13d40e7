"""Commands of the command line, one file a group of them; what is slow to load is loaded late."""
