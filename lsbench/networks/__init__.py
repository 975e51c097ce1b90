"""Networks: one architecture a file, loaded from a file of lsbench.weights, and the features they give."""
