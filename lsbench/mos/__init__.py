"""Human ratings as a blinded study: the page that raters open, and the key that tells what they saw."""
