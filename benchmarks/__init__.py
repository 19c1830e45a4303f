"""The speed and the memory of this project's parts beside what people would use instead."""
