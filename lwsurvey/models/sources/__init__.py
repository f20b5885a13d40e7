"""Where networks come from: libraries, by names, and the user's own code, by path."""
