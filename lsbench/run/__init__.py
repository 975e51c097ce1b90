"""`lsbench score`, in the order in which it happens."""
