"""The server of a model: limits of requests, errors in one sentence, and the routes of the page."""
