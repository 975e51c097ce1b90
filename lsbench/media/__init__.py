"""Files to arrays and back: clips, numbered frames, codecs, and the spectra of their sound."""
