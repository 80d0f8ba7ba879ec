"""How good an encoder or a decoder is, without leaking."""
