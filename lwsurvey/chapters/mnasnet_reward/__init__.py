"""Chapter `mnasnet-reward`: what the exponent of MnasNet's reward means, prefers and permits."""
