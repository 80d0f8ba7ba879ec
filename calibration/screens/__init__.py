"""What a person and the operator see during a calibration."""
