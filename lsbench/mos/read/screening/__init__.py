"""Which raters count, and why one is left out.

Two kinds of raters must be told apart: one who answers carelessly, and one who is honest but noisy, or looks at videos
that hardly differ. Fixed thresholds cannot: where generators are close, everybody's correlation is low. So a rater is
left out where the answers are no better than random ones AND the answers of the others show that an honest rater's
would have been: CERTAIN standard errors away from chance, with as much between that and the median rater, so that
neither a random rater stays nor one like the median goes in more than one study of a hundred.
"""
