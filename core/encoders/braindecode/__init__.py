"""Foundation models of others, as braindecode has them; the optional extra ``foundation``."""
