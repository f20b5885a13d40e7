"""Chapter `latency`: layers and networks under the roofline, and what MACs say of time."""
