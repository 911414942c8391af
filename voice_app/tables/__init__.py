"""Tables by voice: made row by row under a grammar, then changed by what is said; the words of the other cells stay."""
