"""The live application: a stream in, decisions on the screen, an outlet and a log."""
