"""Tables, figures and the page of a comparison: values in, text or Figure out."""
