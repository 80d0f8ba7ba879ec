"""Finding, reading and sending Lab Streaming Layer streams."""
