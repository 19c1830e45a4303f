"""The model card of the champion (Mitchell et al. 2019, "Model cards for model reporting")."""
