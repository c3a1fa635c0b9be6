"""What is drawn, what a hit is, and how one trial is decided."""
