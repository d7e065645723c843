"""What a worker tells its supervisor: one frozen type per event, validated where it enters."""
