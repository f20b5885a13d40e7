"""Chapter `shufflenet-v1`: the channel shuffle as a permutation, as a graph, and as a cost."""
