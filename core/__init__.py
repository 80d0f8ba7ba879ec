"""What more than one of the programs needs: the model, the signal path, streams, the decoder."""
