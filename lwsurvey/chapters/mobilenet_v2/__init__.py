"""Chapter `mobilenet-v2`: the inverted residual, its brackets, its memory, what training says."""
