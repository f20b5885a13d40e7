"""Chapter `network-cost`: what whole networks cost, and how the counter compares with others."""
