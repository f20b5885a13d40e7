"""What the authors of MobileNet V3 changed by hand: both ends, and the nonlinearities."""
