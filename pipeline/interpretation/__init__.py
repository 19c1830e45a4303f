"""What a trained network has learnt to see."""
