"""The instruments of the roofline model: jobs of known work, and what a machine can do at most."""
