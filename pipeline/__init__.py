"""Compare image networks: prepare data, train and evaluate networks, and report which one to use."""

import logging

# If the home folder is not writable, Matplotlib warns at its import and uses a temporary folder, which is sufficient.
# Set here, because Keras imports Matplotlib, too, and every import from this project runs this module first.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
