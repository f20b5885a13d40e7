"""Chapter `mobilenet-v1`: separable against full convolutions, the two multipliers, what if."""
