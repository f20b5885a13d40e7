"""The four guidelines of ShuffleNet V2 (Ma et al. 2018), its unit, and what breaks them."""
