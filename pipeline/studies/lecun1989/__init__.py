"""LeCun's five networks of 1989, from full to shared weights, beside the published accuracies."""
