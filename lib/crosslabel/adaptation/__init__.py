"""Learning an unlabelled target domain from labelled source domains."""
