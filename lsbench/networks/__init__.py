"""Networks: one architecture a file, loaded from a file of lsbench.networks.weights, and the features they give."""
