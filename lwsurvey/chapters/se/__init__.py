"""Chapter `se`: Squeeze-and-Excitation taken apart, counted, moved, trained and timed."""
