"""The chapter on the cost of one convolution: its blocks, formulas, experiment and figures."""
